// The least-squares line against scipy.stats.linregress (SciPy 1.17.1).
#include <gtest/gtest.h>

#include <cmath>

#include "analysis/regression.hpp"
#include "analysis/statistics.hpp"
#include "tensor/error.hpp"

namespace sonde {
namespace {

TEST(LinearRegression, EqualsScipys) {
  const LinearRegression line = linear_regression(
      Sample{4, 4, 5, 5, 6, 7, 7, 8}, Sample{.097, .11, .12, .09, .153, .14, .16, .203});
  EXPECT_NEAR(line.slope.value, 0.022596774193548393, 1e-14);
  EXPECT_NEAR(line.intercept, 0.004193548387096735, 1e-14);
  EXPECT_NEAR(line.r, 0.8936270277362236, 1e-13);
  EXPECT_NEAR(line.p, 0.0027741246760345784, 1e-13);
  EXPECT_NEAR(*line.slope.std_error, 0.004633161022605879, 1e-14);
  EXPECT_NEAR(line.slope.ci95->low, 0.01125983757907108, 1e-12);
  EXPECT_NEAR(line.slope.ci95->high, 0.03393371080802571, 1e-12);
  EXPECT_EQ(line.slope.n, 8);
}

TEST(LinearRegression, OfThreeToSixPoints) {
  const LinearRegression six =
      linear_regression(Sample{1, 2, 3.5, 4, 6, 7.25}, Sample{2.1, 3.9, 7.2, 7.7, 12.5, 13.9});
  EXPECT_NEAR(six.slope.value, 1.958336455601349, 1e-13);
  EXPECT_NEAR(*six.slope.std_error, 0.07962480739967229, 1e-13);
  EXPECT_NEAR(six.intercept, 0.1315848632446599, 1e-13);
  EXPECT_NEAR(six.r, 0.9967099328800112, 1e-13);
  EXPECT_NEAR(six.p / 1.6219005746754694e-05, 1, 1e-9);
  const LinearRegression five =
      linear_regression(Sample{1, 2, 3, 4, 5}, Sample{2.1, 3.9, 6.2, 7.8, 10.1});
  EXPECT_NEAR(five.p, 5.941539111755929e-05, 1e-15);
  EXPECT_NEAR(five.slope.ci95->high, 2.180060709599463, 1e-10);
  const LinearRegression three = linear_regression(Sample{1, 2, 4}, Sample{3, -1, 2});
  EXPECT_NEAR(three.r, -0.05241424183609594, 1e-13);
  EXPECT_NEAR(three.p, 0.9666167600124105, 1e-12);
  EXPECT_NEAR(three.slope.ci95->low, -17.363265279906827, 1e-9);
}

TEST(LinearRegression, OfExactLines) {
  const LinearRegression rising = linear_regression(Sample{1, 2, 4}, Sample{2, 4, 8}),
                         level = linear_regression(Sample{1, 2, 4}, Sample{5, 5, 5});
  EXPECT_NEAR(rising.slope.value, 2, 1e-14);
  EXPECT_NEAR(rising.r, 1, 1e-14);
  EXPECT_NEAR(rising.p, 0, 1e-7);
  EXPECT_EQ(level.slope.value, 0);
  EXPECT_EQ(level.r, 0);
  EXPECT_EQ(level.p, 1);
}

// Of points without a slope, p is uniform: below 0.05 in one case of twenty.
TEST(LinearRegression, OfNoiseIsRarelySignificant) {
  std::uint64_t state = 1;
  const auto uniform = [&] {  // Knuth's linear congruential generator
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<double>(state >> 11) * 0x1p-53;
  };
  int significant = 0;
  for (int i = 0; i < 2000; ++i) {
    Sample x, y;
    for (int k = 0; k < 10; ++k) {
      x.push_back(k);
      y.push_back(uniform() + uniform() + uniform() + uniform());
    }
    significant += linear_regression(x, y).p < 0.05;
  }
  EXPECT_NEAR(significant, 100, 40);  // four standard deviations of the count
}

TEST(LinearRegression, RefusesWhatHasNoLine) {
  EXPECT_THROW(linear_regression(Sample{1, 2}, Sample{1, 2}), Error);
  EXPECT_THROW(linear_regression(Sample{1, 2, 3}, Sample{1, 2}), Error);
  EXPECT_THROW(linear_regression(Sample{2, 2, 2}, Sample{1, 2, 3}), Error);
}

}  // namespace
}  // namespace sonde
