// Iterative solutions against the direct one.
#include "analysis/solve.hpp"

#include <gtest/gtest.h>

#include "known_maps.hpp"
#include "tests/nn/expect_code.hpp"

namespace sonde {
namespace {

using testing::expect_code;

using namespace testing_maps;

using Solver = Solution (*)(const LinearMap&, const Tensor&, const SolveOptions&,
                            const std::function<void(double)>&);

void expect_solved(Solver solver, const Tensor& a, const Tensor& b, const SolveOptions& o) {
  const Solution found = solver(matrix_map(a), b, o, {});
  ASSERT_EQ(found.x.shape(), b.shape());
  const Tensor exact = solve(a, b.rank() == 1 ? Var(b) : transpose(b)).tensor();
  const Tensor direct = b.rank() == 1 ? exact : exact.transpose(0, 1);
  EXPECT_LT(distance(found.x, direct), 1e-8 * amax(abs(direct)).tensor().item());
  for (const double r : found.residuals) EXPECT_LE(r, 1.01e-11);
}

TEST(Solve, EqualsTheDirectSolution) {
  const Tensor positive = with_eigenvalues(even(80, 0.1, 3), 1),
               indefinite = with_eigenvalues(even(80, -1, 2.05), 1);
  Tensor many = random({5, 80}, 2);
  many.slice(0, 2, 3).copy_from(Tensor::zeros({1, 80}, DType::f64));  // solved from the start
  const SolveOptions o{.tolerance = 1e-11};
  for (const Tensor& b : {many, random({80}, 3)}) {
    expect_solved(cg, positive, b, o);
    expect_solved(minres, positive, b, o);
    expect_solved(minres, indefinite, b, o);
  }
}

TEST(Solve, AsManyIterationsAsDistinctEigenvalues) {
  std::vector<double> values(60, 1);
  values[0] = 4, values[1] = 9;
  const Tensor a = with_eigenvalues(values, 1), b = random({3, 60}, 1);
  EXPECT_EQ(cg(matrix_map(a), b, {.tolerance = 1e-12}).iterations, 3);
  EXPECT_EQ(minres(matrix_map(a), b, {.tolerance = 1e-12}).iterations, 3);
  EXPECT_EQ(cg(identity_map(Space::flat(60)), b).iterations, 1);
  EXPECT_EQ(cg(matrix_map(a), Tensor::zeros({60}, DType::f64)).iterations, 0);
}

TEST(Solve, MinresResidualsAreTheLeastAndFall) {
  const LinearMap map = matrix_map(with_eigenvalues(even(80, -1, 2.05), 1));
  std::vector<double> residuals;
  minres(map, random({80}, 1), {}, [&](double r) { residuals.push_back(r); });
  EXPECT_TRUE(std::ranges::is_sorted(residuals, std::greater<>()));
  // After m steps it is the least over span{b, Ab, ...}: compare with least squares.
  const Tensor b = random({80}, 1);
  Vars krylov{Var(b) / norm(b)};
  for (std::size_t m = 0; m < 4; ++m) {
    const Tensor k = stack(krylov, 1).tensor(),
                 ak = map.apply_batch(k.transpose(0, 1).contiguous()).transpose(0, 1);
    const Var x = lstsq(ak, b);
    EXPECT_NEAR((norm(Var(b) - matmul(ak, x)) / norm(b)).tensor().item(), residuals[m], 1e-10);
    krylov.push_back(map.apply(krylov.back().tensor()));
  }
}

TEST(Solve, APreconditionerSavesIterations) {
  // A = D + low rank with a diagonal D of condition 1e4: D^-1 leaves few eigenvalues other than 1.
  const std::int64_t n = 100;
  Tensor d = Tensor::zeros({n, n}, DType::f64), inverse = Tensor::zeros({n, n}, DType::f64);
  for (std::int64_t i = 0; i < n; ++i) {
    const double value = std::pow(10.0, 4.0 * static_cast<double>(i) / 99);
    d.mutable_data<double>()[i * (n + 1)] = value;
    inverse.mutable_data<double>()[i * (n + 1)] = 1 / value;
  }
  const Var u = random({n, 2}, 3);
  const Tensor low = matmul(u, u, {.b = true}).tensor();
  const LinearMap m = matrix_map(inverse);
  const Tensor positive = (Var(d) + low).tensor(), b = random({2, n}, 4);
  const SolveOptions plain{.tolerance = 1e-11}, helped{.tolerance = 1e-11, .preconditioner = m};
  expect_solved(cg, positive, b, helped);
  expect_solved(minres, positive, b, helped);
  EXPECT_LT(cg(matrix_map(positive), b, helped).iterations, 6);
  EXPECT_LT(minres(matrix_map(positive), b, helped).iterations, 6);
  EXPECT_GT(cg(matrix_map(positive), b, plain).iterations, 60);
  const Tensor indefinite = (Var(d) - 40.0 * Var(low)).tensor();
  expect_solved(minres, indefinite, b, helped);
}

TEST(Solve, SinglePrecision) {
  const Tensor a = with_eigenvalues(even(80, 0.1, 3), 1), b = random({2, 80}, 2);
  const Tensor direct = transpose(solve(a, transpose(b))).tensor();
  for (const Solver solver : {Solver(cg), Solver(minres)}) {
    const Solution found = solver(matrix_map(a.to(DType::f32)), b.to(DType::f32), {}, {});
    EXPECT_EQ(found.x.dtype(), DType::f32);
    EXPECT_LT(distance(found.x.to(DType::f64), direct), 1e-3 * amax(abs(direct)).tensor().item());
    for (const double r : found.residuals) EXPECT_LT(r, 2e-4);
  }
}

TEST(Solve, WhatItRefuses) {
  const LinearMap positive = matrix_map(with_eigenvalues(even(40, 0.1, 3), 1)),
                  indefinite = matrix_map(with_eigenvalues(even(40, -1, 2.05), 1));
  const Tensor b = random({40}, 1);
  expect_code(ErrorCode::numeric, "use minres", [&] { cg(indefinite, b); });
  expect_code(ErrorCode::numeric, "after 3 iterations",
              [&] { cg(positive, b, {.max_iterations = 3}); });
  expect_code(ErrorCode::numeric, "preconditioner",
              [&] { cg(positive, b, {.preconditioner = -1 * positive}); });
  expect_code(ErrorCode::numeric, "preconditioner",
              [&] { minres(positive, b, {.preconditioner = -1 * positive}); });
  expect_code(ErrorCode::usage, "cg: needs", [&] { cg(matrix_map(random({40, 40}, 1)), b); });
  expect_code(ErrorCode::shape, "right-hand sides", [&] { cg(positive, random({39}, 1)); });
  expect_code(ErrorCode::dtype, "right-hand sides", [&] { minres(positive, b.to(DType::f32)); });
  std::vector<double> singular = even(40, 1, 2);
  singular[7] = 0;
  const LinearMap map = matrix_map(with_eigenvalues(singular, 1));
  expect_code(ErrorCode::numeric, "range", [&] { minres(map, b); });
  expect_code(ErrorCode::numeric, "range", [&] { minres(0 * identity_map(Space::flat(40)), b); });
  EXPECT_LE(minres(map, map.apply(b)).residuals[0], 1.01e-8);  // in the range
}

}  // namespace
}  // namespace sonde
