// Ranks against closed forms, and against numbers that SciPy 1.17 printed.
#include "analysis/association.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "analysis/statistics.hpp"
#include "tensor/error.hpp"

namespace sonde {
namespace {

TEST(Association, RanksShareTies) {
  EXPECT_EQ(ranks(Sample{3, 1, 3, 2, 3}), (std::vector<double>{4, 1, 4, 2, 4}));
  EXPECT_TRUE(ranks(Sample{}).empty());
}

TEST(Association, SpearmanAsScipyHasIt) {
  const RankTest test =
      spearman(Sample{1, 2, 2, 5, 3, 8, 8, 1.5}, Sample{2, 1, 4, 4, 3.5, 9, 7, 1});
  EXPECT_NEAR(test.statistic, 0.8292682926829269, 1e-13);
  EXPECT_NEAR(test.p, 0.010903026675283421, 1e-12);
  const RankTest falling = spearman(Sample{1, 2, 3, 4}, Sample{8, 4, 2, 1});
  EXPECT_NEAR(falling.statistic, -1, 1e-15);
  EXPECT_NEAR(falling.p, 0, 1e-7);
  EXPECT_THROW(spearman(Sample{1, 2, 3}, Sample{1, 1, 1}), Error);
}

TEST(Association, RankSumAsScipyHasIt) {
  const RankTest exact =
      rank_sum(Sample{1.1, 2.3, 0.4, 5.5, 3.2}, Sample{4.1, 6.2, 7.7, 2.9, 8.8, 9.1});
  EXPECT_EQ(exact.statistic, 3);
  EXPECT_NEAR(exact.p, 0.030303030303030304, 1e-14);
  const RankTest tied = rank_sum(Sample{1, 2, 2, 3, 4}, Sample{2, 5, 5, 6, 7, 8});
  EXPECT_EQ(tied.statistic, 3);
  EXPECT_NEAR(tied.p, 0.03368044581929327, 1e-13);
  Sample a, b;
  for (int i = 0; i < 10; ++i) a.push_back(1 + 2 * i);
  for (int i = 0; i < 12; ++i) b.push_back(0.25 + 1.5 * i);
  const RankTest normal = rank_sum(a, b);
  EXPECT_EQ(normal.statistic, 69);
  EXPECT_NEAR(normal.p, 0.5751565767276567, 1e-13);
}

TEST(Association, RankSumByCounting) {
  // Two of C(6, 3) = 20 arrangements are as far apart; either order.
  EXPECT_NEAR(rank_sum(Sample{1, 2, 3}, Sample{4, 5, 6}).p, 0.1, 1e-15);
  EXPECT_NEAR(rank_sum(Sample{4, 5, 6}, Sample{1, 2, 3}).p, 0.1, 1e-15);
  EXPECT_EQ(rank_sum(Sample{4, 5, 6}, Sample{1, 2, 3}).statistic, 9);
  EXPECT_EQ(rank_sum(Sample{1, 1}, Sample{1}).p, 1);  // all are equal
  EXPECT_THROW(rank_sum(Sample{}, Sample{1}), Error);
}

TEST(Association, IntervalOfARankCorrelation) {
  const Sample x{1, 2, 2, 5, 3, 8, 8, 1.5}, y{2, 1, 4, 4, 3.5, 9, 7, 1};
  const Estimate e = rank_correlation(x, y);
  EXPECT_EQ(e.value, spearman(x, y).statistic);
  EXPECT_EQ(e.n, 8);
  const double z = 0.5 * std::log((1 + e.value) / (1 - e.value)),
               reach = 1.959963984540054 * std::sqrt((1 + e.value * e.value / 2) / 5);
  EXPECT_NEAR(std::atanh(e.ci95->low), z - reach, 1e-12);
  EXPECT_NEAR(std::atanh(e.ci95->high), z + reach, 1e-12);
  EXPECT_FALSE(rank_correlation(Sample{1, 2, 3}, Sample{1, 3, 2}).ci95);
  EXPECT_FALSE(rank_correlation(Sample{1, 2, 3, 4, 5}, Sample{9, 8, 5, 3, 1}).ci95);
}

// The interval holds the shifts that the test does not refuse: just inside its ends p is at least
// .05, just outside it is below; exact for small samples, normal for large ones.
TEST(Association, ShiftIsTheTestTurnedRound) {
  for (const std::size_t n : {4, 7, 12})
    for (const std::size_t m : {5, 12}) {
      Sample a, b;
      for (std::size_t i = 0; i < n; ++i) a.push_back(std::sin(7.0 * static_cast<double>(i)) + 0.8);
      for (std::size_t i = 0; i < m; ++i) b.push_back(std::cos(5.0 * static_cast<double>(i)));
      const Estimate e = shift(a, b);
      const auto p_at = [&](double by) {
        Sample moved = a;
        for (double& v : moved) v -= by;
        return rank_sum(moved, b).p;
      };
      EXPECT_GE(p_at(e.ci95->low + 1e-9), 0.05) << n << " " << m;
      EXPECT_LT(p_at(e.ci95->low - 1e-9), 0.05) << n << " " << m;
      EXPECT_GE(p_at(e.ci95->high - 1e-9), 0.05) << n << " " << m;
      EXPECT_LT(p_at(e.ci95->high + 1e-9), 0.05) << n << " " << m;
      EXPECT_GT(p_at(e.value), 0.9);  // as many differences above as below
      EXPECT_EQ(e.n, static_cast<std::int64_t>(n + m));
    }
  const Estimate few = shift(Sample{1, 2, 3}, Sample{0, 5});
  EXPECT_EQ(few.value, -0.5);  // of -4, -3, -2, 1, 2, 3 the middle is between -2 and 1
  EXPECT_FALSE(few.ci95);      // no shift is refused at .05
  EXPECT_THROW(shift(Sample{}, Sample{1}), Error);
}

}  // namespace
}  // namespace sonde
