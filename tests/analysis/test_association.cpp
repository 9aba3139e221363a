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

}  // namespace
}  // namespace sonde
