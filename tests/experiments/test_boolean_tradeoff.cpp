// Norm against blow-up over random settings: the draws of settings, sums by hand, and verdicts on
// planted runs.
#include <gtest/gtest.h>

#include <cmath>

#include "analysis/statistics.hpp"
#include "bit_runs.hpp"
#include "experiments/boolean/tradeoff.hpp"

namespace sonde::experiments {
namespace {

constexpr Interval rates{3e-4, 2e-3}, decays{0, 0.4};

TEST(RandomSettings, FollowFromTheCaseAlone) {
  Sample lr, weight_decay;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    const BitCase c =
        with_random_settings({.target = "first", .length = 6, .seed = seed}, rates, decays);
    EXPECT_GE(c.lr, rates.low);
    EXPECT_LE(c.lr, rates.high);
    EXPECT_GE(c.weight_decay, decays.low);
    EXPECT_LE(c.weight_decay, decays.high);
    lr.push_back(c.lr);
    weight_decay.push_back(c.weight_decay);
  }
  // Medians in the middle, within five standard errors.
  EXPECT_NEAR(quantile(lr, 0.5), 1.15e-3, 5 * 0.5 / 20 * 1.7e-3);
  EXPECT_NEAR(quantile(weight_decay, 0.5), 0.2, 5 * 0.5 / 20 * 0.4);
  const BitCase one{.target = "first", .length = 6, .seed = 3};
  BitCase other = one;
  other.target = "mean";
  const BitCase drawn = with_random_settings(one, rates, decays);
  EXPECT_EQ(drawn.lr, with_random_settings(drawn, rates, decays).lr);
  EXPECT_NE(drawn.lr, with_random_settings(other, rates, decays).lr);
  // A drawn case begins where the same case with other settings does.
  EXPECT_TRUE(key_of(drawn, 0) == key_of(one, 0));
}

TEST(RandomSettings, RangesHaveTwoEndsInOrder) {
  EXPECT_EQ(range_of("--lr", {1, 2}), (Interval{1, 2}));
  EXPECT_EQ(range_of("--lr", {2, 2}), (Interval{2, 2}));
  for (const std::vector<double>& ends : {std::vector<double>{2, 1}, {1}, {1, 2, 3}, {}}) try {
      range_of("--lr", ends);
      ADD_FAILURE();
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::usage);
      EXPECT_NE(std::string(e.what()).find("--lr"), std::string::npos);
    }
}

TrainedBits run_of(const std::string& target, std::uint64_t seed, double blowup, double norm,
                   std::int64_t n = 9) {
  TrainedBits t{.of = {.target = target, .length = n, .seed = seed}, .found = {}};
  t.found.log_blowup = t.found.theory_log_blowup = blowup;
  t.found.norm = norm;
  t.found.theory_squared_blowup = std::exp(2 * blowup);
  return t;
}

TEST(Costs, ByHand) {
  TrainedRuns runs{run_of("parity", 1, 3, 10), run_of("parity", 2, 1, 14),
                   run_of("first", 1, 1, 10), run_of("first", 2, 3, 14),
                   run_of("first", 1, 100, 100, 6)};
  runs.push_back(run_of("first", 3, 50, 50));
  runs.back().found.loss = 1;  // discarded
  // Means 2 and 12; variances 4 / 3 and 16 / 3.
  const double one = 1 / std::sqrt(4.0 / 3);
  const auto sums = costs(runs);
  ASSERT_EQ(sums.size(), 2u);
  EXPECT_NEAR(sums.at("parity")[0], 0, 1e-14);
  EXPECT_NEAR(sums.at("parity")[1], 0, 1e-14);
  EXPECT_NEAR(sums.at("first")[0], -2 * one, 1e-14);
  EXPECT_NEAR(sums.at("first")[1], 2 * one, 1e-14);
  EXPECT_NEAR(costs(runs, {.blowup_in_deviations = false}).at("first")[1], 3 + one, 1e-14);
  EXPECT_TRUE(costs(runs, {.compared_at = 5}).empty());
  EXPECT_NEAR(cost_shift(runs, "first")->value, 0, 1e-14);
  EXPECT_FALSE(cost_shift(runs, "mean"));
}

// Norm and log blow-up along a line of trade-off, with parity's `above` to its upper right.
TrainedRuns planted(double above, std::uint64_t world = 1, std::uint64_t seeds = 12) {
  NormalNumbers normal({world, 17});
  TrainedRuns runs;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed)
    for (const std::int64_t n : {6, 9})
      for (const std::string& target : target_names()) {
        const double traded = normal.next(), level = target == "parity" ? above : 0;
        runs.push_back(run_of(target, seed, 2 + traded + 0.3 * normal.next() + level,
                              15 - 2 * traded + 0.6 * normal.next() + 2 * level, n));
      }
  return runs;
}

std::map<std::string, Verdict> verdicts(const TrainedRuns& runs) {
  return verdicts_of(tradeoff_claims(runs));
}

TEST(TradeoffClaims, OnPlantedRuns) {
  using enum Verdict;
  for (const auto& [id, verdict] : verdicts(planted(1))) EXPECT_EQ(verdict, reproduced) << id;
  for (const auto& [id, verdict] : verdicts(planted(-1))) EXPECT_EQ(verdict, not_reproduced) << id;
  for (const auto& [id, verdict] : verdicts(planted(0))) EXPECT_NE(verdict, reproduced) << id;
  for (const auto& [id, verdict] : verdicts(planted(1, 1, 3)))
    EXPECT_EQ(verdict, inconclusive) << id;
  for (const auto& [id, verdict] : verdicts({})) EXPECT_EQ(verdict, inconclusive) << id;
  // One target as costly as parity: that claim and the sum of all are not met.
  TrainedRuns runs = planted(1);
  for (TrainedBits& t : runs)
    if (t.of.target == "mean") t.found.norm += 8;
  const auto found = verdicts(runs);
  EXPECT_EQ(found.at("above_first"), reproduced);
  EXPECT_EQ(found.at("above_mean"), not_reproduced);
  EXPECT_EQ(found.at("above_all"), not_reproduced);
}

TEST(TradeoffClaims, DiscardedRunsDoNotCount) {
  TrainedRuns runs = planted(-1);
  for (TrainedBits& t : runs)
    if (t.of.target == "parity") t.found.loss = 1;
  for (const auto& [id, verdict] : verdicts(runs)) EXPECT_EQ(verdict, Verdict::inconclusive) << id;
  EXPECT_NE(tradeoff_claims(runs)[0].reason.find("no kept runs"), std::string::npos);
}

// Where all targets cost the same, no more than one study in twenty may find what the paper says.
TEST(TradeoffClaims, RarelyFindWhatIsNotThere) {
  constexpr int worlds = 1000;
  std::map<std::string, int> found;
  for (std::uint64_t world = 0; world < worlds; ++world)
    for (const auto& [id, verdict] : verdicts(planted(0, world)))
      found[id] += verdict == Verdict::reproduced;
  for (const auto& [id, count] : found) EXPECT_LE(count, worlds / 20) << id;
  EXPECT_EQ(found.size(), 4u);
}

TEST(Tradeoff, CorrelationsByTargetAndLength) {
  const TrainedRuns runs = planted(1);
  int seen = 0;
  for (const Metric& m : tradeoff_metrics(runs))
    if (m.name.starts_with("spearman.")) {
      ++seen;
      EXPECT_LT(m.value.value, -0.5) << m.name;
      EXPECT_LT(m.value.ci95->high, 0.2) << m.name;
    } else if (m.name.starts_with("theory_above.") || m.name.starts_with("unscaled_above.")) {
      EXPECT_GT(m.value.ci95->low, 0) << m.name;
    }
  EXPECT_EQ(seen, 2 * 2 * 4);  // both blow-ups, lengths, targets
  EXPECT_NE(tradeoff_notes(runs)[1].find("rank correlation -0."), std::string::npos);
}

TEST(Tradeoff, FiguresHoldEveryKeptRun) {
  TrainedRuns runs = planted(1);
  runs[0].found.loss = 1;
  const auto figures = tradeoff_figures(runs);
  ASSERT_EQ(figures.size(), 2u + 1 + 4 + 1);
  EXPECT_EQ(figures[0].figure.table().rows.size(), 4u * 12 - 1);
  EXPECT_EQ(figures.back().figure.table().rows.size(), 2u * 4 * 12 - 1);
}

}  // namespace
}  // namespace sonde::experiments
