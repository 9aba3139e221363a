// The algebra of linear maps against the algebra of their matrices, and what is refused.
#include <gtest/gtest.h>

#include <cmath>

#include "analysis/linear_map.hpp"
#include "autograd/ops.hpp"
#include "nn/init.hpp"
#include "nn/mlp.hpp"
#include "tests/analysis/values.hpp"
#include "tests/nn/expect_code.hpp"

namespace sonde {
namespace {

using testing::distance;
using testing::expect_code;
using testing::random;

const Space three({"a.weight", "a.bias", "b.weight"}, {{2, 2}, {2}, {3}});  // 9 elements

Tensor symmetric(std::int64_t n, std::uint64_t seed) {
  const Var a = random({n, n}, seed);
  return (a + transpose(a)).tensor();
}
Tensor product(const Tensor& a, const Tensor& b) {
  return matmul(a, b).tensor();
}

TEST(SpaceOf, NamedTensorsAndBack) {
  const Tensor v = random({9}, 1), many = random({4, 9}, 2);
  const Vars parts = three.unflatten(v);
  EXPECT_EQ(parts[0].shape(), (Dims{2, 2}));
  EXPECT_EQ(parts[2].tensor().at({1}), v.at({7}));
  EXPECT_EQ(distance(three.flatten(parts), v), 0);
  EXPECT_EQ(three.unflatten(many)[1].shape(), (Dims{4, 2}));
  EXPECT_EQ(distance(three.flatten(three.unflatten(many)), many), 0);
  EXPECT_EQ(three.restricted("a.*").size(), 6);
  EXPECT_EQ(three.block("a.bias").begin, 4);
  EXPECT_NE(expect_code(ErrorCode::names, [] { three.matching("c*"); }).find("a.weight, a.bias"),
            std::string::npos);
  EXPECT_NE(expect_code(ErrorCode::names, [] { three.block("a.bais"); }).find("'a.bias'"),
            std::string::npos);
  expect_code(ErrorCode::names, [] { Space({"a", "a"}, {{1}, {1}}); });
  expect_code(ErrorCode::dtype, [] { Space::flat(3, DType::i64); });
  expect_code(ErrorCode::shape, [&] { three.unflatten(random({8}, 1)); });
  expect_code(ErrorCode::shape, [&] { three.flatten({parts[0], parts[1], parts[1]}); });
  expect_code(ErrorCode::dtype, [&] { three.unflatten(v.to(DType::f32)); });
}

TEST(SpaceOf, AModulesParameters) {
  nn::Mlp mlp({2, 3, 1}, {.k0 = 1}, {.activation = [](const Var& h) { return tanh(h); }});
  EXPECT_EQ(Space::parameters(mlp).size(), mlp.parameter_count());
  EXPECT_EQ(Space::parameters(mlp).dtype(), DType::f32);
  const Space space = Space::parameters(mlp);
  const Tensor flat = space.flatten(mlp.parameters());
  EXPECT_EQ(space.unflatten(flat).size(), mlp.parameters().size());
}

TEST(LinearMaps, TheAlgebraIsThatOfMatrices) {
  const Tensor a = random({5, 9}, 1), b = random({5, 9}, 2), c = random({4, 5}, 3);
  const Space five = Space::flat(5);
  const LinearMap A = matrix_map(a, five, three), B = matrix_map(b, five, three),
                  C = matrix_map(c, Space::flat(4), five);
  const struct {
    LinearMap map;
    Tensor matrix;
  } cases[] = {
      {A, a},
      {A + B, (Var(a) + Var(b)).tensor()},
      {A - B, (Var(a) - Var(b)).tensor()},
      {-2.5 * A, (Var(a) * -2.5).tensor()},
      {C * A, product(c, a)},
      {A.transposed(), a.transpose(0, 1)},
      {A.restricted("*", "a.bias"), a.slice(1, 4, 6)},
      {(C * (A - 2 * B)).transposed(), product(c, (Var(a) - 2 * Var(b)).tensor()).transpose(0, 1)},
      {identity_map(three), Tensor::eye(9, DType::f64)}};
  for (const auto& [map, matrix] : cases) {
    SCOPED_TRACE(map.name());
    const Tensor v = random({3, map.domain().size()}, 7), u = random({3, map.range().size()}, 8);
    EXPECT_LT(distance(map.apply_batch(v), product(v, matrix.transpose(0, 1))), 1e-13);
    EXPECT_LT(distance(map.transpose_batch(u), product(u, matrix)), 1e-13);
    EXPECT_LT(distance(map.apply(v.select(0, 1)), map.apply_batch(v).select(0, 1)), 1e-13);
    EXPECT_LT(distance(map.transpose(u.select(0, 1)), map.transpose_batch(u).select(0, 1)), 1e-13);
    EXPECT_LT(distance(dense(map), matrix), 1e-13);
    EXPECT_LT(distance(dense(map, {.chunk = 2}), matrix), 1e-13);
    EXPECT_GE(map.cost(2).flops, 0);
  }
}

TEST(LinearMaps, SymmetryIsKnown) {
  const LinearMap s = matrix_map(symmetric(9, 1), three, three),
                  a = matrix_map(random({9, 9}, 2), three, three);
  EXPECT_TRUE(s.symmetric());
  EXPECT_FALSE(a.symmetric());
  EXPECT_TRUE((s + 2 * s).symmetric());
  EXPECT_FALSE((s - a).symmetric());
  EXPECT_TRUE(s.restricted("a.*").symmetric());
  EXPECT_FALSE(s.restricted("a.*", "b.*").symmetric());
  EXPECT_LT(distance(dense(s.restricted("a.*", "b.*")), dense(s).slice(0, 0, 6).slice(1, 6, 9)),
            1e-13);
}

TEST(LinearMaps, WhatDoesNotFitIsNamed) {
  const LinearMap a = matrix_map(random({5, 9}, 1), Space::flat(5), three);
  expect_code(ErrorCode::shape, [&] { a.apply(random({5}, 1)); });
  expect_code(ErrorCode::dtype, [&] { a.apply(Tensor::zeros({9})); });
  EXPECT_NE(expect_code(ErrorCode::shape,
                        [&] {
                          a.apply(random({2, 9}, 1));
                        })
                .find("apply_batch"),
            std::string::npos);
  expect_code(ErrorCode::shape, [&] { a + identity_map(three); });
  expect_code(ErrorCode::shape, [&] { a* a; });
  expect_code(ErrorCode::names, [&] { a.restricted("z", "*"); });
  expect_code(ErrorCode::shape, [&] { matrix_map(random({5, 5}, 1), Space::flat(5), three); });
}

TEST(LinearMaps, ANanIsNamedWithItsBlock) {
  Tensor m = random({9, 9}, 1);
  m.mutable_data<double>()[5 * 9] = std::nan("");
  const LinearMap map = matrix_map(m, three, three);
  EXPECT_NE(expect_code(ErrorCode::numeric, [&] { map.apply(random({9}, 2)); })
                .find("element 1 of block a.bias"),
            std::string::npos);
  Tensor v = random({9}, 1);
  v.mutable_data<double>()[0] = INFINITY;
  EXPECT_NE(
      expect_code(ErrorCode::numeric, [&] { matrix_map(symmetric(9, 1), three, three).apply(v); })
          .find("vector given"),
      std::string::npos);
}

TEST(LinearMaps, AMatrixThatDoesNotFitIsRefusedBeforehand) {
  const LinearMap map = matrix_map(random({400, 300}, 1));
  const double bytes = dense_cost(map, {.chunk = 200}).bytes;
  EXPECT_DOUBLE_EQ(bytes, 8.0 * (400 * 300 + 200 * 700));
  const auto limit = static_cast<std::int64_t>(8.0 * (400 * 300 + 60 * 700));
  EXPECT_EQ(dense(map, {.max_memory = limit}).shape(), (Dims{400, 300}));
  EXPECT_NE(expect_code(ErrorCode::memory, [&] { dense(map, {.max_memory = limit, .chunk = 200}); })
                .find("a chunk of 50 fits"),
            std::string::npos);
  EXPECT_NE(expect_code(ErrorCode::memory, [&] { dense(map, {.max_memory = 1000}); })
                .find("restrict it to fewer blocks"),
            std::string::npos);
  expect_code(ErrorCode::value, [&] { dense(map, {.chunk = -1}); });
}

}  // namespace
}  // namespace sonde
