// Closed forms and published table values for analysis/statistics.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "analysis/statistics.hpp"
#include "tensor/error.hpp"

namespace sonde {
namespace {

TEST(Statistics, MeanVarianceQuantile) {
  const Sample s{4, 1, 3, 2};
  EXPECT_DOUBLE_EQ(mean(s), 2.5);
  EXPECT_DOUBLE_EQ(variance(s), 5.0 / 3);
  EXPECT_DOUBLE_EQ(quantile(s, 0), 1);
  EXPECT_DOUBLE_EQ(quantile(s, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(quantile(s, 0.25), 1.75);
  EXPECT_DOUBLE_EQ(quantile(s, 1), 4);
  EXPECT_THROW(mean(Sample{}), Error);
  EXPECT_THROW(variance(Sample{1}), Error);
  EXPECT_THROW(quantile(s, 1.5), Error);
  EXPECT_THROW(quantile(s, std::nan("")), Error);
}

TEST(Statistics, SlopeOfALeastSquaresLine) {
  EXPECT_DOUBLE_EQ(slope(Sample{1, 2, 4}, Sample{5, 3, -1}), -2);
  EXPECT_DOUBLE_EQ(slope(Sample{0, 1, 2, 3}, Sample{0, 1, 1, 2}), 0.6);
  EXPECT_THROW(slope(Sample{1}, Sample{1}), Error);
  EXPECT_THROW(slope(Sample{1, 2}, Sample{1}), Error);
  EXPECT_THROW(slope(Sample{3, 3}, Sample{1, 2}), Error);
}

TEST(Statistics, IncompleteBetaClosedForms) {
  for (double x : {0.0, 0.1, 0.37, 0.5, 0.9, 1.0}) {
    EXPECT_NEAR(incomplete_beta(1, 1, x), x, 1e-14);
    EXPECT_NEAR(incomplete_beta(3, 1, x), x * x * x, 1e-14);
    EXPECT_NEAR(incomplete_beta(2, 2, x), x * x * (3 - 2 * x), 1e-14);
    EXPECT_NEAR(incomplete_beta(0.5, 0.5, x), 2 / std::numbers::pi * std::asin(std::sqrt(x)),
                1e-13);
  }
}

TEST(Statistics, StudentTClosedFormsAndTable) {
  for (double t : {-3.0, -0.4, 0.0, 0.7, 5.0}) {  // one degree is Cauchy, two have a closed form
    EXPECT_NEAR(student_t_cdf(t, 1), 0.5 + std::atan(t) / std::numbers::pi, 1e-13);
    EXPECT_NEAR(student_t_cdf(t, 2), 0.5 + t / (2 * std::sqrt(2 + t * t)), 1e-13);
  }
  EXPECT_NEAR(student_t_quantile(0.975, 1), 12.706204736, 1e-8);
  EXPECT_NEAR(student_t_quantile(0.975, 2), 4.302652730, 1e-8);
  EXPECT_NEAR(student_t_quantile(0.975, 4), 2.776445105, 1e-8);
  EXPECT_NEAR(student_t_quantile(0.025, 9), -2.262157163, 1e-8);
  EXPECT_NEAR(student_t_quantile(0.975, 1e7), 1.959963984, 1e-6);
  EXPECT_THROW(student_t_quantile(1, 3), Error);
}

TEST(Statistics, IntervalOverSeeds) {
  const Estimate e = mean_over_units(Sample{1, 2, 3}, 500);
  EXPECT_DOUBLE_EQ(e.value, 2);
  EXPECT_DOUBLE_EQ(*e.std_error, 1 / std::sqrt(3.0));
  EXPECT_NEAR(e.ci95->high - 2, 4.302652730 / std::sqrt(3.0), 1e-8);
  EXPECT_EQ(e.n, 3);
  EXPECT_EQ(e.m, 500);
  const Estimate single = mean_over_units(Sample{7});
  EXPECT_FALSE(single.ci95.has_value());
  EXPECT_EQ(to_string(single), "7 (no interval)");
}

// Of a mean the pseudo-values are the items themselves; of the logarithm of a mean, to first order,
// the error is that of the mean over the mean.
TEST(Statistics, Jackknife) {
  const std::vector<double> sample{3, 1, 4, 1, 5, 9, 2, 6};
  std::vector<double> without, logs;
  for (const double v : sample) {
    without.push_back((31 - v) / 7);
    logs.push_back(std::log(without.back()));
  }
  const Estimate plain = mean_over_units(sample), same = jackknife(31.0 / 8, without),
                 log = jackknife(std::log(31.0 / 8), logs);
  EXPECT_NEAR(same.value, plain.value, 1e-12);
  EXPECT_NEAR(*same.std_error, *plain.std_error, 1e-12);
  EXPECT_NEAR(same.ci95->low, plain.ci95->low, 1e-12);
  EXPECT_EQ(same.n, 8);
  EXPECT_EQ(log.value, std::log(31.0 / 8));
  EXPECT_NEAR(*log.std_error, *plain.std_error / plain.value, 0.02);
  EXPECT_NEAR(log.ci95->high - log.value, log.value - log.ci95->low, 1e-12);
  EXPECT_THROW(jackknife(1, {}), Error);
}

TEST(Statistics, Proportion) {
  const Estimate e = proportion(20, 100);
  EXPECT_DOUBLE_EQ(e.value, 0.2);
  EXPECT_DOUBLE_EQ(*e.std_error, 0.04);
  EXPECT_NEAR(e.ci95->low, 0.13336, 1e-4);  // Wilson's interval, as published tables have it
  EXPECT_NEAR(e.ci95->high, 0.28883, 1e-4);
  const Estimate none = proportion(0, 100);
  EXPECT_EQ(*none.std_error, 0);
  EXPECT_EQ(none.ci95->low, 0);
  EXPECT_NEAR(none.ci95->high, 0.03699, 1e-4);  // z^2 / (n + z^2)
  EXPECT_THROW(proportion(1, 0), Error);
  EXPECT_THROW(proportion(5, 4), Error);
}

TEST(Bootstrap, StandardErrorOfAMeanOfItems) {
  Sample items;  // variance of 0 ... 99 with divisor n: (n^2 - 1) / 12
  for (int i = 0; i < 100; ++i) items.push_back(i);
  const Sample units[] = {items};
  const Estimate e = bootstrap_mean(units, 1);
  const double expected = std::sqrt((100.0 * 100 - 1) / 12 / 100);
  EXPECT_DOUBLE_EQ(e.value, 49.5);
  EXPECT_NEAR(*e.std_error, expected, 0.1 * expected);
  EXPECT_NEAR(e.ci95->high - e.ci95->low, 2 * 1.96 * expected, 0.4 * expected);
  EXPECT_EQ(e.n, 1);
  EXPECT_EQ(e.m, 100);
}

TEST(Bootstrap, UnitsAreDrawnToo) {
  // All the variation lies between the units: drawing items alone would give an interval of width
  // zero.
  const Sample units[] = {Sample(50, 0.0), Sample(50, 1.0), Sample(50, 2.0), Sample(50, 3.0)};
  const Estimate e = bootstrap_mean(units, 3);
  EXPECT_DOUBLE_EQ(e.value, 1.5);
  EXPECT_NEAR(*e.std_error, std::sqrt(1.25 / 4), 0.05);
}

TEST(Bootstrap, SameSeedSameBits) {
  const Sample units[] = {{0.1, 0.7, 0.4}, {0.9, 0.3, 0.2}};
  const Estimate a = bootstrap_mean(units, 5), b = bootstrap_mean(units, 5),
                 c = bootstrap_mean(units, 6);
  EXPECT_EQ(a.ci95, b.ci95);
  EXPECT_NE(*a.std_error, *c.std_error);
  const Sample empty[] = {{}};
  EXPECT_THROW(bootstrap_mean(empty, 1), Error);
  EXPECT_THROW(bootstrap_mean({}, 1), Error);
}

// Coverage: over repeated normal samples the 95 % interval over seeds must hold the true mean in
// about 95 %.
TEST(Statistics, StudentIntervalCovers) {
  std::uint64_t state = 1;
  auto uniform = [&] {  // a 64-bit linear congruential generator is enough here
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (static_cast<double>(state >> 11) + 0.5) * 0x1p-53;
  };
  int covered = 0;
  const int repeats = 2000;
  for (int r = 0; r < repeats; ++r) {
    Sample s;
    for (int i = 0; i < 4; ++i)
      s.push_back(std::sqrt(-2 * std::log(uniform())) * std::cos(2 * std::numbers::pi * uniform()));
    const Estimate e = mean_over_units(s);
    covered += e.ci95->low <= 0 && 0 <= e.ci95->high;
  }
  EXPECT_NEAR(covered / double(repeats), 0.95, 0.02);
}

}  // namespace
}  // namespace sonde
