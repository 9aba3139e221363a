// Stochastic Lanczos quadrature against spectra that are known.
#include "analysis/slq.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "analysis/statistics.hpp"
#include "known_maps.hpp"
#include "tests/analysis/honest.hpp"

namespace sonde {
namespace {

using namespace testing_maps;
using testing::expect_honest;

double mean_of(const std::vector<double>& values, double (*f)(double)) {
  double sum = 0;
  for (const double v : values) sum += f(v);
  return sum / static_cast<double>(values.size());
}

void expect_within(const Estimate& e, double truth, double errors = 3) {
  EXPECT_NEAR(e.value, truth, errors * *e.std_error + 1e-12 * std::abs(truth)) << to_string(e);
}

TEST(Slq, WeightsSumToOneAndMomentsAreThoseOfTheSpectrum) {
  for (const auto& values : {even(300, -1, 2), geometric(300, 5, 0.9), geometric(300, 1, -0.97)})
    for (const Probe probe : {Probe::rademacher, Probe::gaussian, Probe::sphere}) {
      const LinearMap map = matrix_map(with_eigenvalues(values, 1));
      const Slq slq(map, {.probes = 30, .steps = 40, .probe = probe});
      ASSERT_EQ(slq.probes().size(), 30u);
      for (const Quadrature& q : slq.probes()) {
        EXPECT_EQ(q.nodes.size(), 40u);
        EXPECT_NEAR(std::accumulate(q.weights.begin(), q.weights.end(), 0.0), 1, 1e-12);
        EXPECT_GE(*std::ranges::min_element(q.weights), 0);
      }
      EXPECT_NEAR(slq.moment(0).value, 1, 1e-12);
      expect_within(slq.moment(1), mean(values));
      expect_within(slq.moment(2), mean_of(values, [](double v) { return v * v; }));
      expect_within(slq.moment(5), mean_of(values, [](double v) { return std::pow(v, 5); }));
      expect_within(slq.trace([](double v) { return std::exp(v); }),
                    300 * mean_of(values, [](double v) { return std::exp(v); }));
    }
}

TEST(Slq, AProbesMomentsAreExactUpToDegree2mMinus1) {
  const LinearMap map = matrix_map(with_eigenvalues(even(60, -1, 2), 1));
  const SlqOptions o{.probes = 3, .steps = 5};
  const Slq slq(map, o);
  const Tensor z = scaled_rows(random_rows(philox::child(o.key, 0), 0, 3, map.domain(), o.probe),
                               std::vector<double>(3, 1 / std::sqrt(60.0)));
  Tensor power = z;
  for (int k = 0; k <= 10; ++k, power = map.apply_batch(power)) {
    const std::vector<double> exact = row_dots(z, power);
    for (std::size_t p = 0; p < 3; ++p) {
      const Quadrature& q = slq.probes()[p];
      double sum = 0;
      for (std::size_t i = 0; i < 5; ++i) sum += q.weights[i] * std::pow(q.nodes[i], k);
      if (k <= 9)
        EXPECT_NEAR(sum, exact[p], 1e-12 * std::pow(2, k));
      else
        EXPECT_GT(std::abs(sum - exact[p]), 1e-6);  // degree 2m
    }
  }
}

TEST(Slq, TheStatedErrorIsHonest) {
  // Over 100 seeds: three errors hold the truth in 95, and the error is the spread's within a
  // factor of 2.
  const std::vector<double> values = geometric(120, 1, -0.95);
  const LinearMap map = matrix_map(with_eigenvalues(values, 1));
  const double truth = 120 * mean_of(values, [](double v) { return std::abs(v); });
  expect_honest(truth, [&](philox::Key key) {
    return Slq(map, {.probes = 20, .steps = 30, .key = key}).trace([](double v) {
      return std::abs(v);
    });
  });
}

TEST(Slq, KrylovSpacesThatEnd) {
  const Space space = Space::flat(50);
  const Slq identity(identity_map(space), {.probes = 4, .steps = 20});
  EXPECT_EQ(identity.probes()[0].nodes, std::vector<double>{1});
  EXPECT_DOUBLE_EQ(identity.trace([](double v) { return 3 * v; }).value, 150);
  const Slq zero(0 * identity_map(space), {.probes = 4, .steps = 20});
  EXPECT_EQ(zero.probes()[3].nodes, std::vector<double>{0});
  std::vector<double> low_rank(50, 0);
  low_rank[0] = 2, low_rank[1] = -1;
  const Slq low(matrix_map(with_eigenvalues(low_rank, 1)), {.probes = 30, .steps = 20});
  for (const Quadrature& q : low.probes()) ASSERT_EQ(q.nodes.size(), 3u);
  EXPECT_NEAR(low.probes()[0].nodes[0], -1, 1e-12);
  EXPECT_NEAR(low.probes()[0].nodes[1], 0, 1e-12);
  EXPECT_NEAR(low.probes()[0].nodes[2], 2, 1e-12);
  expect_within(low.moment(1), 1.0 / 50);
  // As many steps as dimensions: the probe's quadrature is its whole spectral measure.
  const Slq whole(matrix_map(with_eigenvalues(even(12, -1, 1), 1)), {.probes = 2, .steps = 99});
  for (std::size_t i = 0; i < 12; ++i)
    EXPECT_NEAR(whole.probes()[1].nodes[i], even(12, -1, 1)[i], 1e-12);
}

TEST(Slq, DensityIntegratesToOneAndHasABand) {
  const std::vector<double> values = even(200, -1, 2);
  const LinearMap map = matrix_map(with_eigenvalues(values, 1));
  const Slq slq(map, {.probes = 20, .steps = 50});
  const Density d = slq.density({.points = 2000, .width = 0.05});
  const double step = d.grid[1] - d.grid[0];
  double integral = 0;
  int held = 0;
  for (std::size_t i = 0; i < d.grid.size(); ++i) {
    integral += d.values[i].value * step;
    double truth = 0;
    for (const double v : values)
      truth += std::exp(-std::pow((d.grid[i] - v) / 0.05, 2) / 2) / (0.05 * std::sqrt(2 * M_PI));
    held += std::abs(d.values[i].value - truth / 200) <= 3 * *d.values[i].std_error + 1e-4;
  }
  EXPECT_NEAR(integral, 1, 1e-4);  // of which four widths beyond the ends leave 6e-5 out
  EXPECT_GE(held, 1900);
  EXPECT_LT(d.grid.front(), -1.19);
  EXPECT_EQ(slq.density({.points = 3, .range = {-1, 1}}).grid, (std::vector<double>{-1, 0, 1}));
  const Density one = Slq(identity_map(Space::flat(9)), {.probes = 2}).density();
  EXPECT_GT(one.width, 0);
}

TEST(Slq, BatchesChangeNothing) {
  const LinearMap map = matrix_map(with_eigenvalues(even(80, -1, 2), 1));
  const Slq together(map, {.probes = 7, .steps = 20, .batch = 7}),
      apart(map, {.probes = 7, .steps = 20, .batch = 2});
  for (std::size_t p = 0; p < 7; ++p)
    for (std::size_t i = 0; i < 20; ++i)
      EXPECT_NEAR(together.probes()[p].nodes[i], apart.probes()[p].nodes[i], 1e-10);
  const LinearMap single = matrix_map(with_eigenvalues(even(80, -1, 2), 1).to(DType::f32));
  expect_within(Slq(single, {.probes = 20, .steps = 20}).moment(1), 0.5);
}

TEST(Slq, ProbesCanBeComputedInPartsAndPutTogether) {
  const LinearMap map = matrix_map(with_eigenvalues(even(40, -1, 2), 1));
  const Slq all(map, {.probes = 5, .steps = 12, .key = {3, 4}});
  std::vector<Quadrature> parts;
  for (const std::int64_t first : {0, 2, 4}) {
    const Slq part(map, {.probes = std::min<std::int64_t>(2, 5 - first),
                         .first = first,
                         .steps = 12,
                         .key = {3, 4}});
    parts.insert(parts.end(), part.probes().begin(), part.probes().end());
  }
  const Slq together(40, parts);
  const auto square = [](double t) { return t * t; };
  EXPECT_NEAR(together.trace(square).value, all.trace(square).value, 1e-12);
  ASSERT_TRUE(all.trace(square).std_error.has_value());
  EXPECT_NEAR(*together.trace(square).std_error, *all.trace(square).std_error, 1e-12);
  EXPECT_THROW(Slq(40, {}), Error);
  EXPECT_THROW(Slq(map, {.first = -1}), Error);
}

TEST(Slq, WhatItRefuses) {
  const LinearMap map = matrix_map(with_eigenvalues(even(20, -1, 2), 1));
  EXPECT_THROW(Slq(matrix_map(random({20, 20}, 1)), {}), Error);
  EXPECT_THROW(Slq(map, {.probes = 0}), Error);
  EXPECT_THROW(Slq(map, {}).density({.points = 1}), Error);
  std::vector<double> shares;
  Slq(map, {.probes = 4, .steps = 5, .batch = 2}, [&](double s) { shares.push_back(s); });
  EXPECT_EQ(shares.size(), 10u);
  EXPECT_TRUE(std::ranges::is_sorted(shares));
  EXPECT_EQ(shares.back(), 1);
}

}  // namespace
}  // namespace sonde
