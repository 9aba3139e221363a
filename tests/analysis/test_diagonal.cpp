// Diagonals, exact and estimated with errors.
#include "analysis/diagonal.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "analysis/rows.hpp"
#include "analysis/statistics.hpp"
#include "known_maps.hpp"

namespace sonde {
namespace {

using namespace testing_maps;

constexpr std::int64_t size = 60;
using Estimator = DiagonalEstimate (*)(const LinearMap&, const Sampling&);

// Over 100 seeds and all elements three stated errors hold the truth in 95 of 100 cases, and in 90
// for every element (of 60, one may have bad luck); the stated errors are the spread's within a
// factor of 2, element by element.
void expect_honest(Estimator estimator, const Tensor& matrix, std::int64_t products) {
  const LinearMap map = matrix_map(matrix);
  const std::vector<double> truth = matrix.diagonal().to_vector<double>();
  std::vector<Sample> values(size), errors(size);
  std::vector<int> held(size);
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const DiagonalEstimate e = estimator(map, {.products = products, .key = {.k0 = seed}});
    const auto v = e.values.to_vector<double>(), s = e.std_errors.to_vector<double>();
    for (std::size_t i = 0; i < size; ++i) {
      held[i] += std::abs(v[i] - truth[i]) <= 3 * s[i];
      values[i].push_back(v[i]);
      errors[i].push_back(s[i]);
    }
  }
  EXPECT_GE(std::accumulate(held.begin(), held.end(), 0), 95 * size);
  for (std::size_t i = 0; i < size; ++i) {
    EXPECT_GE(held[i], 90) << i;
    const double ratio = mean(errors[i]) / std::sqrt(variance(values[i]));
    EXPECT_GT(ratio, 0.5) << i;
    EXPECT_LT(ratio, 2) << i;
  }
}

TEST(Diagonal, StatedErrorsAreHonest) {
  for (const auto& values :
       {geometric(size, 3, 0.9), even(size, 0.5, 1.5), geometric(size, 1, -0.95)}) {
    const Tensor a = with_eigenvalues(values, 1);
    expect_honest(hutchinson_diagonal, a, 40);
    expect_honest(xdiag, a, 50);
  }
  const Tensor general = random({size, size}, 2);
  expect_honest(hutchinson_diagonal, general, 40);
  expect_honest(xdiag, general, 50);
}

TEST(Diagonal, TheVarianceIsThatOfTheFormula) {
  const Tensor a = random({size, size}, 2);
  const DiagonalEstimate e =
      hutchinson_diagonal(matrix_map(a), {.products = 40000, .tolerance = 0.001, .batch = 500});
  EXPECT_EQ(e.n, 1);  // more products than dimensions: exact
  const Var beside = sum(square(a), {1}) - square(a.diagonal());
  std::vector<double> first;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const DiagonalEstimate one =
        hutchinson_diagonal(matrix_map(a), {.products = 4, .key = {.k0 = seed}});
    first.push_back(one.values.at({0}));
  }
  EXPECT_NEAR(variance(first) / (beside.tensor().at({0}) / 4), 1, 0.1);
}

// XDiag's definition, computed by projections.
TEST(Diagonal, XDiagLeavesOneOut) {
  const Tensor a = random({30, 30}, 4);
  const philox::Key key{.k0 = 5};
  const std::int64_t k = 4;
  const Tensor w = random_rows(philox::child(key, 0), 0, k, Space::flat(30), Probe::rademacher);
  Var total = Tensor::zeros({30}, DType::f64);
  for (std::int64_t i = 0; i < k; ++i) {
    Vars others;
    for (std::int64_t j = 0; j < k; ++j)
      if (j != i) others.push_back(matmul(a, w.select(0, j)));
    const Var q = qr(stack(others, 1)).q, p = matmul(q, transpose(q)),
              aw = matmul(a, w.select(0, i));
    total = total + diagonal(matmul(p, a)) + Var(w.select(0, i)) * (aw - matmul(p, aw));
  }
  const DiagonalEstimate e = xdiag(matrix_map(a), {.products = 2 * k, .key = key});
  EXPECT_LT(distance(e.values, (total / static_cast<double>(k)).tensor()), 1e-12);
  EXPECT_EQ(e.n, k);
}

TEST(Diagonal, Exact) {
  const Tensor a = random({size, size}, 2);
  EXPECT_EQ(distance(exact_diagonal(matrix_map(a)), a.diagonal()), 0);
  EXPECT_EQ(distance(exact_diagonal(matrix_map(a), 7), a.diagonal()), 0);
  const DiagonalEstimate e = xdiag(matrix_map(a), {});
  EXPECT_EQ(distance(e.values, a.diagonal()), 0);
  EXPECT_EQ(distance(e.std_errors, Tensor::zeros({size}, DType::f64)), 0);
  std::vector<double> low_rank(size, 0);
  low_rank[0] = 2, low_rank[1] = -1, low_rank[2] = 1;
  const Tensor low = with_eigenvalues(low_rank, 1);
  const DiagonalEstimate found = xdiag(matrix_map(low), {.products = 20});
  EXPECT_LT(distance(found.values, low.diagonal()), 1e-14);
  EXPECT_LT(amax(found.std_errors).tensor().item(), 1e-13);
  const DiagonalEstimate same =
      hutchinson_diagonal(identity_map(Space::flat(300)), {.products = 9});
  EXPECT_EQ(distance(same.values, Tensor::ones({300}, DType::f64)), 0);
}

TEST(Diagonal, StopsOnTheInterval) {
  const Tensor a = with_eigenvalues(even(400, 0.9, 1.1), 1);
  const DiagonalEstimate e =
      hutchinson_diagonal(matrix_map(a), {.products = 300, .tolerance = 0.05});
  EXPECT_LT(e.n, 300);
  EXPECT_LT(distance(e.values, a.diagonal()), 0.2);
  const auto length = [](const Tensor& v) { return norm(v).tensor().item(); };
  EXPECT_LT(length(e.std_errors), 0.05 / 2 * length(e.values));
}

TEST(Diagonal, WhatItRefuses) {
  const LinearMap wide = matrix_map(random({3, 5}, 1)), square = matrix_map(random({5, 5}, 1));
  EXPECT_THROW(exact_diagonal(wide), Error);
  EXPECT_THROW(hutchinson_diagonal(wide), Error);
  EXPECT_THROW(xdiag(square, {.products = 3}), Error);
  EXPECT_THROW(hutchinson_diagonal(square, {.batch = 0}), Error);
}

}  // namespace
}  // namespace sonde
