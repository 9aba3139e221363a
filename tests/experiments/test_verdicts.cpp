// Verdicts in worlds where the truth is planted: simulated experiments whose true difference is
// negative (what the claim says), zero, or positive.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numbers>
#include <random>

#include "analysis/statistics.hpp"
#include "experiments/common/claim.hpp"
#include "promise_figure.hpp"

namespace sonde::experiments {
namespace {

constexpr int experiments = 1000;
using Counts = std::map<Verdict, int>;

double normal(std::mt19937_64& bits) {
  const auto uniform = [&] { return (static_cast<double>(bits() >> 11) + 0.5) * 0x1p-53; };
  const double radius = std::sqrt(-2 * std::log(uniform()));
  return radius * std::cos(2 * std::numbers::pi * uniform());
}

// The verdicts on "the difference is below 0" of experiments with so many seeds, in a world where
// it is `truth`, and differs from seed to seed by a standard deviation of 1.
Counts verdicts(const char* world, double truth, int seeds) {
  std::mt19937_64 bits(static_cast<std::uint64_t>(seeds));
  Counts counts;
  for (int e = 0; e < experiments; ++e) {
    Sample differences;
    for (int s = 0; s < seeds; ++s) differences.push_back(truth + normal(bits));
    ++counts[judge("id", "statement", "criterion", mean_over_units(differences), Side::below)
                 .verdict];
  }
  promise_figure("{}, {} seeds: {} of {} reproduced", world, seeds, counts[Verdict::reproduced],
                 experiments);
  return counts;
}

TEST(Verdicts, WithoutAnEffectHardlyAnythingIsReproduced) {
  for (int seeds : {3, 5, 10}) {
    Counts found = verdicts("no effect", 0, seeds);
    EXPECT_LE(found[Verdict::reproduced], experiments / 20);
    EXPECT_LE(found[Verdict::not_reproduced], experiments / 20);
  }
}

TEST(Verdicts, AReversedEffectIsNeverReproduced) {
  for (int seeds : {3, 5, 10}) {
    Counts found = verdicts("reversed effect", 3, seeds);
    EXPECT_EQ(found[Verdict::reproduced], 0);
    EXPECT_GT(found[Verdict::not_reproduced], experiments / 3);
  }
}

// Honest is not enough: a clear effect must be seen, the better the more seeds there are.
TEST(Verdicts, AClearEffectIsReproduced) {
  int before = 0;
  for (int seeds : {3, 5, 10}) {
    Counts found = verdicts("true effect", -3, seeds);
    EXPECT_EQ(found[Verdict::not_reproduced], 0);
    EXPECT_GT(found[Verdict::reproduced], before);
    before = found[Verdict::reproduced];
  }
  EXPECT_GT(before, experiments * 99 / 100);
}

TEST(Verdicts, TwoSeedsDecideNothing) {
  Counts found = verdicts("true effect", -100, 2);
  EXPECT_EQ(found[Verdict::inconclusive], experiments);
}

}  // namespace
}  // namespace sonde::experiments
