// Lanczos against spectra that are known and against the dense decomposition.
#include <gtest/gtest.h>

#include "analysis/krylov_basis.hpp"
#include "analysis/lanczos.hpp"
#include "analysis/slq.hpp"
#include "analysis/trace.hpp"
#include "known_maps.hpp"
#include "tensor/parallel.hpp"
#include "tests/nn/expect_code.hpp"

namespace sonde {
namespace {

using testing::expect_code;

using namespace testing_maps;

// Both ends equal the sorted eigenvalues; pairs have the residuals they state and are orthonormal.
void expect_ends(const Tensor& matrix, std::vector<double> values, LanczosOptions o,
                 double accuracy = 1e-10) {
  std::ranges::sort(values);
  const LinearMap map = matrix_map(matrix);
  const Spectrum found = lanczos(map, o);
  const double norm = std::max(std::abs(values.front()), std::abs(values.back()));
  EXPECT_LE(found.norm, norm * (1 + 1e-13));
  if (o.largest > 0 && o.smallest > 0) EXPECT_NEAR(found.norm, norm, accuracy * norm);
  for (const bool top : {true, false}) {
    const EigenPairs& pairs = top ? found.largest : found.smallest;
    if (top) std::ranges::reverse(values);
    ASSERT_EQ(static_cast<std::int64_t>(pairs.values.size()), top ? o.largest : o.smallest);
    for (std::size_t i = 0; i < pairs.values.size(); ++i) {
      SCOPED_TRACE(fmt::format("{} {}", top ? "largest" : "smallest", i));
      EXPECT_NEAR(pairs.values[i], values[i], accuracy * norm);
      const Tensor v = pairs.vectors.slice(0, static_cast<std::int64_t>(i), i + 1);
      const Var left = Var(map.apply_batch(v)) - Var(v) * pairs.values[i];
      EXPECT_NEAR(row_norms(left.tensor())[0], pairs.residuals[i], 1e-12 * norm);
      EXPECT_LE(pairs.residuals[i], 1e-10 * norm);
    }
    if (top) std::ranges::reverse(values);
    if (pairs.values.empty()) continue;
    const Tensor gram = matmul(pairs.vectors, pairs.vectors, {.b = true}).tensor();
    EXPECT_LT(distance(gram, Tensor::eye(gram.size(0), DType::f64)), 1e-12);
  }
}

TEST(Lanczos, BothEndsOrOne) {
  const struct {
    std::string name;
    std::vector<double> values;
    double accuracy = 1e-10;
  } cases[] = {{"even", even(300, -1, 2)},
               {"alternating", geometric(300, 1, -0.97)},
               {"negative", even(300, -9, -3)},
               // Eighty eigenvalues are 0 to within the tolerance: which of them is met is chance.
               {"decaying to zero", geometric(300, 5, 0.9), 1e-8}};
  for (const auto& [name, values, accuracy] : cases) {
    SCOPED_TRACE(name);
    const Tensor a = with_eigenvalues(values, 1);
    expect_ends(a, values, {.largest = 10, .smallest = 10}, accuracy);
    expect_ends(a, values, {.largest = 5}, accuracy);
    expect_ends(a, values, {.smallest = 5, .block = 3}, accuracy);
  }
}

TEST(Lanczos, ABoundedBasisIsRestarted) {
  for (const auto& values : {even(300, -1, 2), geometric(300, 1, -0.97), even(300, -9, -3)}) {
    const Tensor a = with_eigenvalues(values, 1);
    for (const std::int64_t block : {1, 3}) {
      expect_ends(a, values, {.largest = 2, .smallest = 3, .block = block, .basis = 20});
      expect_ends(a, values, {.largest = 10, .smallest = 10, .block = block, .basis = 64});
    }
    EXPECT_GT(lanczos(matrix_map(a), {.largest = 1, .basis = 20}).restarts, 0);
  }
}

TEST(Lanczos, EqualsTheDenseDecomposition) {
  const Var r = random({400, 400}, 5);
  const Tensor a = (r + transpose(r)).tensor();
  expect_ends(a, eigh(a).values.tensor().to_vector<double>(), {.largest = 10, .smallest = 10});
}

TEST(Lanczos, ClustersAndMultipleEigenvaluesByBlocks) {
  std::vector<double> values = even(200, -1, 1);
  for (int i = 0; i < 5; ++i) values.push_back(3);              // exactly equal
  for (int i = 0; i < 4; ++i) values.push_back(-4 + 1e-7 * i);  // nearly
  const Tensor a = with_eigenvalues(values, 2);
  expect_ends(a, values, {.largest = 8, .smallest = 8, .block = 5});
}

TEST(Lanczos, InvariantSubspaces) {
  // One start vector finds every copy.
  const auto expect = [](std::vector<double> values) {
    const Tensor a = with_eigenvalues(values, 3);
    for (const std::int64_t block : {1, 2, 3})
      expect_ends(a, values, {.largest = 5, .smallest = 4, .block = block});
  };
  expect(std::vector<double>(60, 1));   // identity
  expect(std::vector<double>(60, 0));   // zero map
  std::vector<double> low_rank(60, 0);  // rank 3 < 5
  low_rank[0] = 2, low_rank[1] = 2, low_rank[2] = -1;
  expect(low_rank);
  std::vector<double> projection(60, 0);
  std::fill_n(projection.begin(), 7, 1);
  expect(projection);
  expect(even(9, -1, 1));  // as many pairs as there are
  expect_ends(with_eigenvalues(even(6, -1, 1), 1), even(6, -1, 1),
              {.largest = 6, .smallest = 6, .block = 4});  // every pair from either end
}

TEST(Lanczos, MultipleEigenvaluesAreMetByConfirming) {
  std::vector<double> values = even(300, -1, 1);
  for (const double v : {3, 3, 3, 2}) values.push_back(v);
  const Tensor a = with_eigenvalues(values, 2);
  expect_ends(a, values, {.largest = 4, .smallest = 2});
  expect_ends(a, values, {.largest = 4, .smallest = 2, .basis = 20});
  const Spectrum quick = lanczos(matrix_map(a), {.largest = 2, .confirm = false}),
                 sure = lanczos(matrix_map(a), {.largest = 2});
  EXPECT_NEAR(quick.largest.values[1], 2, 1e-8);  // of three copies of 3 one was met
  EXPECT_NEAR(sure.largest.values[1], 3, 1e-8);
  EXPECT_LT(quick.products, sure.products);
}

TEST(Lanczos, TheRelationHoldsThroughRestarts) {
  const LinearMap map = matrix_map(with_eigenvalues(even(80, -1, 2), 4));
  KrylovBasis basis(map, 14, 2, 1e-14, {.k0 = 3});
  for (int step = 0; step < 12; ++step) {
    basis.expand();
    const RitzPairs ritz = basis.ritz();
    std::vector<std::int64_t> all;
    for (std::int64_t i = 0; i < basis.rows(); ++i) all.push_back(i);
    const Tensor v = basis.vectors(ritz, all), gram = matmul(v, v, {.b = true}).tensor(),
                 left = (Var(map.apply_batch(v)) - Var(scaled_rows(v, ritz.values))).tensor();
    EXPECT_LT(distance(gram, Tensor::eye(basis.rows(), DType::f64)), 1e-13);
    const std::vector<double> residuals = row_norms(left);
    for (std::size_t i = 0; i < residuals.size(); ++i)
      EXPECT_NEAR(residuals[i], ritz.residuals[i], 1e-13);
    if (basis.full()) basis.restart(ritz, {0, 1, 2, basis.rows() - 1});
  }
}

TEST(Lanczos, SinglePrecision) {
  const std::vector<double> values = even(200, -1, 2);
  const LinearMap map = matrix_map(with_eigenvalues(values, 1).to(DType::f32));
  const Spectrum found = lanczos(map, {.largest = 4, .smallest = 4});
  EXPECT_EQ(found.largest.vectors.dtype(), DType::f32);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(found.largest.values[i], values[199 - i], 2e-5);
    EXPECT_NEAR(found.smallest.values[i], values[i], 2e-5);
  }
}

TEST(Lanczos, IsAFunctionOfItsKey) {
  const LinearMap map = matrix_map(with_eigenvalues(even(150, -1, 2), 1));
  const Spectrum a = lanczos(map, {.largest = 3, .key = {.k0 = 7}}),
                 b = lanczos(map, {.largest = 3, .key = {.k0 = 7}}),
                 c = lanczos(map, {.largest = 3, .key = {.k0 = 8}});
  EXPECT_EQ(a.largest.values, b.largest.values);
  EXPECT_EQ(distance(a.largest.vectors, b.largest.vectors), 0);
  EXPECT_NE(a.largest.residuals, c.largest.residuals);
}

TEST(Lanczos, TheSameBitsForAnyThreadCount) {
  const LinearMap map = matrix_map(with_eigenvalues(even(400, -1, 2), 1));
  const int before = threads();
  const auto run = [&](int count) {
    set_threads(count);
    const Spectrum found = lanczos(map, {.largest = 2, .block = 2, .basis = 40});
    const Slq slq(map, {.probes = 3, .steps = 20});
    std::vector<double> all = found.largest.vectors.to_vector<double>();
    all.insert(all.end(), slq.probes()[2].weights.begin(), slq.probes()[2].weights.end());
    for (const Estimate& e : {hutch_pp_trace(map), xtrace(map)}) all.push_back(e.value);
    return all;
  };
  const std::vector<double> one = run(1), many = run(5);
  set_threads(before);
  EXPECT_EQ(one, many);
}

// Claims to be symmetric.
class Liar final : public LinearMap::Rule {
 public:
  explicit Liar(LinearMap truth) : truth_(std::move(truth)) {}
  const Space& domain() const override { return truth_.domain(); }
  const Space& range() const override { return truth_.range(); }
  Tensor apply(const Tensor& v) const override { return truth_.apply_batch(v); }
  Tensor transpose(const Tensor& u) const override { return truth_.transpose_batch(u); }
  bool symmetric() const override { return true; }
  Cost cost(std::int64_t n) const override { return truth_.cost(n); }
  std::string name() const override { return "liar"; }

 private:
  const LinearMap truth_;
};

TEST(Lanczos, WhatItRefuses) {
  const LinearMap symmetric = matrix_map(with_eigenvalues(even(100, -1, 2), 1)),
                  general = matrix_map(random({100, 100}, 1));
  const LinearMap liar(std::make_shared<Liar>(general)),
      nearly(std::make_shared<Liar>(symmetric + 1e-6 * general));
  expect_code(ErrorCode::usage, "gram_map", [&] { lanczos(general, {.largest = 1}); });
  expect_code(ErrorCode::numeric, "claims", [&] { lanczos(liar, {.largest = 1}); });
  expect_code(ErrorCode::numeric, "claims", [&] { lanczos(nearly, {.largest = 1}); });
  expect_code(ErrorCode::value, "0 largest", [&] { lanczos(symmetric, {}); });
  expect_code(ErrorCode::value, "101 largest", [&] { lanczos(symmetric, {.largest = 101}); });
  expect_code(ErrorCode::value, "use 13", [&] { lanczos(symmetric, {.largest = 10, .basis = 9}); });
  expect_code(ErrorCode::numeric, "allow more products",
              [&] { lanczos(symmetric, {.largest = 10, .basis = 14, .max_products = 30}); });
  const auto stop = [](std::int64_t products) {
    if (products == 5) fail(ErrorCode::usage, "test", "stopped");
  };
  expect_code(ErrorCode::usage, "stopped", [&] { lanczos(symmetric, {.largest = 3}, stop); });
}

}  // namespace
}  // namespace sonde
