// The command line of boolean_generalization.
#include <algorithm>

#include "experiments/boolean/generalization.hpp"
#include "experiments/boolean/study.hpp"
#include "experiments/common/cli.hpp"
#include "experiments/common/settings.hpp"

namespace sonde::experiments {
namespace {

// Sizes that are not given: parts of all strings, each twice the one before.
void settle(GeneralizationOptions& o, const Settings& s) {
  const std::int64_t all = std::int64_t{1} << o.length;
  if (o.sizes.empty())
    for (std::int64_t size = all / (s.size == SizeClass::full ? 8 : 4); size < all; size *= 2)
      if (size > 0) o.sizes.push_back(size);
  even_width("--width", o.width);
  std::ranges::sort(o.sizes);
  if (std::ranges::adjacent_find(o.sizes) != o.sizes.end())
    fail(ErrorCode::usage, "--sizes", "a size appears twice");
  if (o.sizes.back() > all)
    fail(ErrorCode::usage, "--sizes", "{} strings of {} bits; there are {}", o.sizes.back(),
         o.length, all);
}

}  // namespace

void declare(Cli& cli, GeneralizationOptions& o) {
  o.sizes.clear();
  cli.default_seeds({1, 10, 10});
  cli.integer("length", o.length, {6, 8, 10}, {2, 14}, "bits of the strings");
  cli.integers("sizes", o.sizes, {1, 1 << 14},
               "how many strings are shown; unless given a quarter and a half of all, with --full "
               "an eighth too");
  cli.integer("subsets", o.subsets, {1, 1, 10}, {1, 1000},
              "parts of each size of each function; a seed is a function");
  cli.integer("fits", o.fits, {1, 2, 5}, {1, 1000},
              "fresh networks for each function learnt and each completion");
  cli.integer("width", o.width, {32, 32, 128}, {2, 4096}, "of the networks, even");
  cli.integer("batch", o.batch, {0, 0, 1024}, {0, 65536},
              "strings in a step on a part, drawn with replacement; 0: the whole part");
  cli.integer("steps", o.steps, {2000, 5000, 10000}, {1, 10'000'000}, "on a part, at most");
  cli.real("loss-below", o.loss_below, {1e-3, 1e-3, 0}, {0, 1},
           "mean squared error of a step, for labels 0 and 1, below which training on a part "
           "ends; 0: never");
  cli.integer("fit-batch", o.fit_batch, {0, 0, 1024}, {0, 65536},
              "strings in a step on a whole function; 0: all of them");
  cli.integer("fit-steps", o.fit_steps, {1000, 2000, 10000}, {1, 10'000'000},
              "on a whole function, the same for all");
  cli.real("lr", o.lr, {1e-3, 1e-3, 3e-4}, {0, 10}, "learning rate of AdamW");
  cli.real("weight-decay", o.weight_decay, {0.1, 0.1, 0.1}, {0, 10}, "AdamW's");
  cli.integer("draws", o.draws, {10, 50, 100}, {1, 1'000'000},
              "of the noise on the parameters, fresh ones for each network");
  cli.real("radius", o.radius, {2.28, 2.28, 8.93}, {0, 1000},
           "of that noise: its standard deviation is radius / sqrt(parameters), the authors' 0.02");
  cli.settle([&o](const Settings& s) { settle(o, s); });
}

}  // namespace sonde::experiments
