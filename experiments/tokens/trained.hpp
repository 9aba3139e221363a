/// @file
/// One network trained on strings of two cues until it tells every label, and measured there.
#pragma once

#include <string>
#include <vector>

#include "analysis/estimate.hpp"
#include "experiments/common/jobs.hpp"
#include "experiments/tokens/data.hpp"

namespace sonde::experiments {

/// A training. Strings follow from seed and cue alone, and differ between cues in the sparse tokens
/// only; initial values from network and seed.
struct TokenCase {
  std::string network = "attention";
  SparseCue cue = SparseCue::label;
  std::int64_t width = 32, strings = 2000, batch = 50;
  std::int64_t steps = 4000, look_every = 10;  ///< it ends at the first look with train accuracy 1
  double lr = 1e-3;                            ///< of Adam
  std::uint64_t seed = 1;
};

/// What is measured: on `strings` strings of the train set, as many of the test set, with `draws`
/// tokens at each position; which cue the network follows, on as many strings whose cues disagree.
struct TokenMeasurement {
  std::int64_t strings = 500, draws = 10;
};

struct TrainedTokens {
  TokenCase of;
  std::int64_t parameters = 0, steps = 0;  ///< the latter: that were trained
  double train_accuracy = 0, test_accuracy = 0;
  Estimate at_start{}, train{}, test{};  ///< sensitivity on train strings before training, after it
  double follows_frequent = 0;  ///< share of conflicts decided as the frequent tokens' majority
  bool fits() const { return train_accuracy == 1; }
};
Json to_json(const TrainedTokens& t);
/// The inverse; Error(format).
TrainedTokens trained_tokens_from_json(const Json& json);

/// The world of a case, and its strings: the train set, the test set, those whose cues disagree.
enum class TokenPart : std::uint64_t { train, test, conflict };
TokenWorld world_of(SparseCue cue);
TokenSet strings_of(const TokenCase& c, TokenPart part, std::int64_t n);

/// Trains and measures cases[i]; the result is to_json(TrainedTokens).
JobMaker token_jobs(std::vector<TokenCase> cases, TokenMeasurement how);

}  // namespace sonde::experiments
