// The quotient of two means: its interval against the definition, its coverage, where there is
// none.
#include "analysis/ratio.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "analysis/statistics.hpp"
#include "tensor/error.hpp"
#include "tensor/philox.hpp"

namespace sonde {
namespace {

double normal(std::uint64_t world, std::uint64_t i) {
  const philox::Block bits = philox::block({world, 77}, i);
  const double u = (bits.word[0] + 0.5) * 0x1p-32, v = bits.word[1] * 0x1p-32;
  return std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
}

// Student's t of the mean of over - r under.
double statistic(const std::vector<double>& over, const std::vector<double>& under, double r) {
  std::vector<double> rest;
  for (std::size_t i = 0; i < over.size(); ++i) rest.push_back(over[i] - r * under[i]);
  return mean(rest) / std::sqrt(variance(rest) / static_cast<double>(rest.size()));
}

TEST(RatioOfMeans, EndsAreWhereTheTestTurns) {
  const std::vector<double> over{0.3, 0.5, 0.35, 0.41}, under{1.1, 0.9, 1.3, 1.05};
  const Estimate r = ratio_of_means(over, under);
  EXPECT_NEAR(r.value, mean(over) / mean(under), 1e-15);
  EXPECT_EQ(r.n, 4);
  ASSERT_TRUE(r.ci95);
  const double t = student_t_quantile(0.975, 3);
  EXPECT_NEAR(statistic(over, under, r.ci95->low), t, 1e-9);
  EXPECT_NEAR(statistic(over, under, r.ci95->high), -t, 1e-9);
}

TEST(RatioOfMeans, OfProportionalItemsIsExact) {
  const Estimate r = ratio_of_means(std::vector{1.0, 2.0, 3.0}, std::vector{4.0, 8.0, 12.0});
  EXPECT_NEAR(r.value, 0.25, 1e-15);
  EXPECT_FALSE(r.ci95);  // the mean below does not differ from 0
  const Estimate s = ratio_of_means(std::vector{2.0, 2.1, 1.9}, std::vector{8.0, 8.4, 7.6});
  ASSERT_TRUE(s.ci95);
  EXPECT_NEAR(s.ci95->low, 0.25, 1e-9);
  EXPECT_NEAR(s.ci95->high, 0.25, 1e-9);
}

TEST(RatioOfMeans, CoversNineteenTimesInTwenty) {
  constexpr int worlds = 4000;
  int covered = 0, found = 0;
  for (std::uint64_t world = 0; world < worlds; ++world) {
    std::vector<double> over, under;
    for (std::uint64_t i = 0; i < 5; ++i) {
      under.push_back(1 + 0.2 * normal(world, 2 * i));
      over.push_back(0.5 * under.back() + 0.1 * normal(world, 2 * i + 1));
    }
    const Estimate r = ratio_of_means(over, under);
    if (!r.ci95) continue;
    ++found;
    covered += r.ci95->low <= 0.5 && 0.5 <= r.ci95->high;
  }
  EXPECT_GT(found, 0.99 * worlds);
  EXPECT_NEAR(static_cast<double>(covered) / found, 0.95, 0.011);  // three standard errors
}

TEST(RatioOfMeans, HasNoIntervalWithoutUnits) {
  EXPECT_FALSE(ratio_of_means(std::vector{1.0}, std::vector{2.0}).ci95);
  EXPECT_FALSE(ratio_of_means(std::vector{1.0, 1.1}, std::vector{-1.0, 2.0}).ci95);
  EXPECT_THROW(ratio_of_means(std::vector{1.0}, std::vector{1.0, 2.0}), Error);
  EXPECT_THROW(ratio_of_means(std::vector<double>{}, std::vector<double>{}), Error);
  EXPECT_THROW(ratio_of_means(std::vector{1.0, 2.0}, std::vector{1.0, -1.0}), Error);
}

}  // namespace
}  // namespace sonde
