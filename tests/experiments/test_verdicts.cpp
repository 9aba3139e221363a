// Verdicts in worlds where the truth is planted: simulated experiments whose true difference is
// negative (what the claim says), zero, or positive.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numbers>
#include <random>

#include "analysis/statistics.hpp"
#include "experiments/common/claim.hpp"
#include "experiments/vision/measurement.hpp"
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

// The sensitivity study's interval where it is weakest: with the fewest repetitions for which the
// bootstrap decides. (With fewer it is Student's t, whose coverage test_coverage shows.)
TEST(Verdicts, TheStudysBootstrapHoldsTheTruth) {
  constexpr int repeats = 2000, repetitions = Intervals::bootstrap_units, images = 5;
  std::mt19937_64 bits(30);
  int covered = 0, below = 0;
  for (int r = 0; r < repeats; ++r) {
    std::vector<Sample> units(repetitions);
    for (Sample& unit : units) {
      const double own = normal(bits);  // the repetition's own difference; 0 in the mean
      for (int i = 0; i < images; ++i) unit.push_back(own + 0.5 * normal(bits));
    }
    const auto both = intervals(units, static_cast<std::uint64_t>(r));
    const Interval ci = *both->decisive().ci95;
    covered += ci.low <= 0 && 0 <= ci.high;
    below += ci.high < 0;
  }
  promise_figure("study, {} repetitions: the bootstrap holds the truth in {:.1f} % of {}",
                 repetitions, 100.0 * covered / repeats, repeats);
  EXPECT_GE(covered, repeats * 93 / 100);
  EXPECT_LE(covered, repeats * 97 / 100);
  EXPECT_LE(below, repeats / 20);
}

}  // namespace
}  // namespace sonde::experiments
