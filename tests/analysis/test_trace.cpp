// Estimates of traces: what they estimate, and whether the errors they state are their errors.
#include "analysis/trace.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "analysis/statistics.hpp"
#include "known_maps.hpp"
#include "tests/analysis/honest.hpp"

namespace sonde {
namespace {

using namespace testing_maps;
using testing::expect_honest;

constexpr std::int64_t size = 120;

struct Case {
  std::string name;
  std::vector<double> values;
  bool low_rank = false;
};

std::vector<Case> spectra() {
  std::vector<double> low_rank(size, 0);
  for (std::size_t i = 0; i < 8; ++i) low_rank[i] = 1 + static_cast<double>(i);
  return {{"decaying", geometric(size, 3, 0.9)},
          {"falling fast", geometric(size, 3, 0.8)},
          {"flat", even(size, 0.5, 1.5)},
          {"indefinite", geometric(size, 1, -0.95)},
          {"low rank", low_rank, true}};
}

double sum_of(const std::vector<double>& v) {
  return std::accumulate(v.begin(), v.end(), 0.0);
}

// No spread to compare with: the error stated is that of rounding, and holds.
template <class F>
void expect_exact(double truth, F estimate) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const Estimate e = estimate(philox::Key{.k0 = seed});
    EXPECT_LE(std::abs(e.value - truth), 3 * *e.std_error);
    EXPECT_LT(*e.std_error, 1e-12 * truth);
  }
}

TEST(Trace, HutchinsonsErrorIsHonest) {
  for (const auto& [name, values, low_rank] : spectra())
    for (const Probe probe : {Probe::rademacher, Probe::gaussian, Probe::sphere}) {
      SCOPED_TRACE(name);
      const LinearMap map = matrix_map(with_eigenvalues(values, 1));
      expect_honest(sum_of(values), [&](philox::Key key) {
        return hutchinson_trace(map, {.products = 50, .key = key}, probe);
      });
    }
}

TEST(Trace, HutchPlusPlussErrorIsHonest) {
  for (const auto& [name, values, low_rank] : spectra()) {
    SCOPED_TRACE(name);
    const LinearMap map = matrix_map(with_eigenvalues(values, 1));
    const auto estimate = [&](philox::Key key) {
      return hutch_pp_trace(map, {.products = 60, .key = key});
    };
    if (low_rank)
      expect_exact(sum_of(values), estimate);
    else
      expect_honest(sum_of(values), estimate);
  }
}

TEST(Trace, XTracesErrorIsHonest) {
  for (const auto& [name, values, low_rank] : spectra()) {
    SCOPED_TRACE(name);
    const LinearMap map = matrix_map(with_eigenvalues(values, 1));
    const auto estimate = [&](philox::Key key) {
      return xtrace(map, {.products = 60, .key = key});
    };
    if (low_rank)
      expect_exact(sum_of(values), estimate);
    else
      expect_honest(sum_of(values), estimate);
  }
}

TEST(Trace, TheVarianceIsThatOfTheFormula) {
  const Tensor a = random({40, 40}, 3);  // not symmetric
  const Tensor s = ((Var(a) + transpose(a)) * 0.5).tensor();
  const double all = sum(square(s)).tensor().item(),
               diagonal = sum(square(s.diagonal())).tensor().item();
  const LinearMap map = matrix_map(a);
  const auto sample_variance = [&](Probe probe) {
    std::vector<double> values;
    for (std::uint64_t seed = 0; seed < 1000; ++seed)
      values.push_back(hutchinson_trace(map, {.products = 4, .key = {.k0 = seed}}, probe).value *
                       2);
    return variance(values);
  };
  EXPECT_NEAR(sample_variance(Probe::rademacher) / (2 * (all - diagonal)), 1, 0.1);
  EXPECT_NEAR(sample_variance(Probe::gaussian) / (2 * all), 1, 0.1);
}

// The estimators' definitions, computed from the dense matrix by projections.
TEST(Trace, XTraceLeavesOneOut) {
  const Tensor a = with_eigenvalues(geometric(30, 1, -0.8), 4);
  const philox::Key key{.k0 = 5};
  const std::int64_t k = 4, n = 30;
  const Tensor w = random_rows(philox::child(key, 0), 0, k, Space::flat(n), Probe::sphere);
  double total = 0;
  for (std::int64_t i = 0; i < k; ++i) {
    Vars others;
    for (std::int64_t j = 0; j < k; ++j)
      if (j != i) others.push_back(w.slice(0, j, j + 1));
    const Var q = qr(transpose(matmul(concat(others, 0), a))).q, p = matmul(q, transpose(q));
    const Var g = w.select(0, i) - matmul(p, w.select(0, i));
    total += (sum(diagonal(matmul(p, a))) +
              dot(g, matmul(a, g)) / dot(g, g) * static_cast<double>(n - k + 1))
                 .tensor()
                 .item();
  }
  const LinearMap map = matrix_map(a);
  EXPECT_NEAR(xtrace(map, {.products = 2 * k, .key = key}).value, total / k, 1e-12);
}

TEST(Trace, DecayingSpectraCostLess) {
  // Without the 20 (29) largest eigenvalues |A|_F would be 0.8^20 = 1/87 (0.8^29 = 1/650) of what
  // it is; random bases come within a few times of that.
  const LinearMap map = matrix_map(with_eigenvalues(geometric(size, 3, 0.8), 1));
  const Sampling o{.products = 60};
  const double plain = *hutchinson_trace(map, o).std_error;
  EXPECT_LT(*hutch_pp_trace(map, o).std_error, plain / 8);
  EXPECT_LT(*xtrace(map, o).std_error, plain / 65);
}

TEST(Trace, StopsOnTheInterval) {
  const std::vector<double> values = even(400, 0.5, 1.5);
  const LinearMap map = matrix_map(with_eigenvalues(values, 1));
  const Sampling o{.products = 300, .tolerance = 0.03};
  EXPECT_EQ(looks(o), (std::vector<std::int64_t>{16, 32, 64, 128, 256, 300}));
  int held = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const Estimate e =
        hutchinson_trace(map, {.products = 300, .tolerance = 0.01, .key = {.k0 = seed}});
    EXPECT_LT(e.n, 300);
    EXPECT_LE(e.ci95->high - e.value, 0.01 * e.value);
    held += e.ci95->low <= 400 && 400 <= e.ci95->high;
  }
  EXPECT_GE(held, 95);
  // A tolerance that cannot be met spends all and says what was reached.
  const LinearMap zero_mean = matrix_map(with_eigenvalues(even(400, -1, 1), 1));
  const Estimate all = xtrace(zero_mean, {.products = 100, .tolerance = 1e-3});
  EXPECT_EQ(all.n, 50);
  EXPECT_LT(all.ci95->low, 0);
  EXPECT_GT(all.ci95->high, 0);
}

TEST(Trace, ExactWhereThatIsNoDearer) {
  const Tensor a = random({50, 50}, 9);
  const LinearMap map = matrix_map(a);
  const double truth = sum(diagonal(a)).tensor().item();
  EXPECT_NEAR(exact_trace(map), truth, 1e-12);
  EXPECT_NEAR(exact_trace(map, 7), truth, 1e-12);
  for (const Estimate& e : {hutchinson_trace(map), hutch_pp_trace(map), xtrace(map)}) {
    EXPECT_NEAR(e.value, truth, 1e-12);
    EXPECT_EQ(*e.std_error, 0);
  }
}

TEST(Trace, DegenerateMapsAndTypes) {
  const LinearMap zero = 0 * identity_map(Space::flat(200));
  for (const Estimate& e : {hutchinson_trace(zero), hutch_pp_trace(zero), xtrace(zero)}) {
    EXPECT_EQ(e.value, 0);
    EXPECT_EQ(*e.std_error, 0);
  }
  const std::vector<double> values = geometric(size, 3, 0.9);
  const LinearMap single = matrix_map(with_eigenvalues(values, 1).to(DType::f32));
  const Sampling o{.products = 60};
  for (const Estimate& e :
       {hutchinson_trace(single, o), hutch_pp_trace(single, o), xtrace(single, o)})
    EXPECT_NEAR(e.value, sum_of(values), 3 * *e.std_error);
  const LinearMap big = identity_map(Space::flat(5000));
  EXPECT_DOUBLE_EQ(hutchinson_trace(big).value, 5000);
  EXPECT_NEAR(xtrace(big).value, 5000, 1e-8);
}

TEST(Trace, WhatItRefuses) {
  const LinearMap wide = matrix_map(random({3, 5}, 1)), square = matrix_map(random({5, 5}, 1));
  EXPECT_THROW(xtrace(wide), Error);
  EXPECT_THROW(exact_trace(wide), Error);
  EXPECT_THROW(xtrace(square, {.products = 3}), Error);
  EXPECT_THROW(hutch_pp_trace(square, {.products = 5}), Error);
  EXPECT_THROW(hutchinson_trace(square, {.tolerance = -1}), Error);
}

}  // namespace
}  // namespace sonde
