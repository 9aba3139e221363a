/// @file
/// Functions that networks make of the part of a random function they are shown, against random
/// completions of that part: how sensitive both are, and how sharp networks are that learn them.
#pragma once

#include <string_view>

#include "experiments/boolean/trained.hpp"

namespace sonde::experiments {

/// The values of a function, 0 and 1, in the order of all_strings().
using BitTable = std::vector<std::int64_t>;

/// The part of a random function that is shown. Function, part, completion, initial values, strings
/// and noise have streams of their own: two parts of one function differ in all but the function.
struct ShownPart {
  std::uint64_t seed = 1;  ///< of the function
  std::int64_t length = 8, size = 64;
  std::int64_t subset = 0;  ///< among the parts of this size
};
/// A function of the seed and the length alone.
BitTable whole_table(const ShownPart& part);
/// Rows of the strings that are shown, in ascending order. Error(value) unless there are 1 to
/// 2^length of them.
std::vector<std::int64_t> shown_rows(const ShownPart& part);
/// The values that are shown, and random ones elsewhere.
BitTable random_completion(const ShownPart& part);

/// A function that has the values shown, or nearly.
struct Completion {
  BitTable table{};
  double sensitivity = 0;         ///< average sensitivity
  std::vector<double> profile{};  ///< Fourier weight by degree
};
Completion completion_of(BitTable table);

/// A network that was shown a part.
struct Learnt {
  ShownPart part{};
  std::int64_t steps = 0;
  double loss = 0;    ///< mean squared error on the part, labels being 0 and 1
  bool fits = false;  ///< the function learnt has all values that are shown
  Completion learnt{}, random{};
};

/// Which function a network is fitted to, and which of several networks.
struct FitCase {
  ShownPart part{};
  std::string kind = "learnt";  ///< or "random"
  std::int64_t fit = 0;
};
/// A network fitted to a whole function.
struct Fit {
  FitCase of{};
  double sensitivity = 0;  ///< of the function
  BitMeasurement everywhere{};
  BitMeasurement shown{};  ///< on the part alone, with the same noise
};
bool converged(const Fit& fit);

struct GeneralizationOptions {
  std::int64_t length = 8, width = 32;
  std::vector<std::int64_t> sizes{64, 128};
  std::int64_t subsets = 1;   ///< of each size, of each function
  std::int64_t batch = 0;     ///< strings in a step, drawn with replacement; 0: all there are
  std::int64_t steps = 5000;  ///< on a part, at most
  double loss_below = 1e-3;   ///< where that ends, for labels 0 and 1
  std::int64_t fits = 3;      ///< networks for each function
  std::int64_t fit_batch = 0, fit_steps = 1000;
  double lr = 1e-3, weight_decay = 0.1;
  double radius = 2.28;  ///< of the noise
  std::int64_t draws = 50;
};

/// The options on a command line; sizes are sorted.
void declare(Cli& cli, GeneralizationOptions& options);

struct Generalization {
  std::vector<Learnt> parts{};
  std::vector<Fit> fits{};
};
/// Parts of `seeds` functions from seed `first` on are learnt, by the jobs "parts"; then networks
/// are fitted to the functions learnt and to the completions where the part is met, by the jobs
/// "fits".
Generalization generalize(Jobs& jobs, std::uint64_t first, int seeds,
                          const GeneralizationOptions& options);

/// The job of one part and that of one fit; results are to_json() of Learnt and Fit.
std::unique_ptr<Job> learning_job(const ShownPart& part, const GeneralizationOptions& options);
std::unique_ptr<Job> fitting_job(const FitCase& c, const BitTable& table,
                                 const GeneralizationOptions& options);
Json to_json(const Learnt& l);
Json to_json(const Fit& f);
/// The inverses; Error(format).
Learnt learnt_from_json(const Json& json);
Fit fit_from_json(const Json& json);

}  // namespace sonde::experiments
