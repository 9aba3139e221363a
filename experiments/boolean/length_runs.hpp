/// @file
/// Trainings on strings of several lengths, tested on longer ones.
#pragma once

#include <map>

#include "experiments/boolean/trained.hpp"

namespace sonde::experiments {

/// How strings are learnt.
enum class LengthSetup {
  encoder,         ///< BitEncoder, which answers at the last bit
  language_model,  ///< nn::Gpt on sentences
  scratchpad,      ///< ScratchpadNet, decoded step by step
};
/// "encoder", "language-model", "scratchpad".
std::string name_of(LengthSetup setup);

/// What a training is made of, but target and seed.
struct LengthRecipe {
  LengthSetup setup = LengthSetup::encoder;
  std::int64_t shortest = 2, longest = 10;  ///< bits in training
  std::int64_t farthest = 20;               ///< bits in tests
  std::int64_t width = 32, layers = 2, heads = 2, batch = 64, steps = 5000;
  double lr = 1e-3, weight_decay = 0.1;
  std::int64_t tested = 1000;  ///< strings of each length
};
struct LengthCase {
  LengthRecipe recipe;
  std::string target = "parity";
  std::uint64_t seed = 1;
};

/// Lengths that are tested: from the shortest to the farthest, about ten of those trained on.
std::vector<std::int64_t> tested_lengths(const LengthRecipe& recipe);

struct LengthRun {
  LengthCase of;
  std::map<std::int64_t, double> accuracy{};  ///< share of right answers by length
  /// Mean over the tested lengths from `low` to `high`; Error(value) if there is none.
  double over(std::int64_t low, std::int64_t high) const;
  /// Mean over the lengths that were trained on.
  double in_distribution() const;
};

/// Trains and tests cases[i]; with `until`, for so many of its steps. The result's "found" holds an
/// accuracy for each tested length. Strings stand at random positions of as many as the farthest
/// length needs. Batches of encoders and scratchpads have one length each, drawn anew.
JobMaker length_jobs(std::vector<LengthCase> cases, std::optional<std::int64_t> until = {});
/// All of them.
std::vector<LengthRun> train_lengths(Jobs& jobs, const std::string& name,
                                     const std::vector<LengthCase>& cases);

}  // namespace sonde::experiments
