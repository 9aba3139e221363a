// Operations against values worked by hand. The generated suite compares an operation with itself
// in other ways (types, strides, lanes, derivatives); that it is the operation its name says must
// come from outside.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "autograd/ops.hpp"

namespace sonde {
namespace {

Var data(const std::vector<double>& values, const Dims& shape) {
  return Tensor::from<double>(values, shape);
}
Var list(const std::vector<double>& values) {
  return data(values, {static_cast<std::int64_t>(values.size())});
}
Var indices(const std::vector<std::int64_t>& values, const Dims& shape) {
  return Tensor::from<std::int64_t>(values, shape);
}
// [[0, 1, 2], [3, 4, 5]]
Var table() {
  return Tensor::arange(6, DType::f64).reshape({2, 3});
}

void expect(const Var& y, const std::vector<double>& values, const Dims& shape) {
  EXPECT_EQ(y.shape(), shape);
  const auto got = y.tensor().to_vector<double>();
  ASSERT_EQ(got.size(), values.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    EXPECT_NEAR(got[i], values[i], 1e-14) << "element " << i;
}
void expect(const Var& y, const std::vector<double>& values) {
  expect(y, values, {static_cast<std::int64_t>(values.size())});
}

TEST(Definitions, Views) {
  const Var x = table();
  expect(permute(x, {1, 0}), {0, 3, 1, 4, 2, 5}, {3, 2});
  expect(movedim(reshape(x, {1, 2, 3}), 2, 0), {0, 3, 1, 4, 2, 5}, {3, 1, 2});
  expect(flatten(x), {0, 1, 2, 3, 4, 5});
  expect(broadcast_to(list({1, 2}), {2, 2}), {1, 2, 1, 2}, {2, 2});
  expect(slice(x, 1, 0, 3, 2), {0, 2, 3, 5}, {2, 2});
  expect(slice(x, 1, {}, {}, -2), {2, 0, 5, 3}, {2, 2});
  expect(select(x, 0, -1), {3, 4, 5});
  expect(flip(x, {1}), {2, 1, 0, 5, 4, 3}, {2, 3});
  expect(roll(x, 1, 1), {2, 0, 1, 5, 3, 4}, {2, 3});
  expect(pad(x, {0, 1}, {1, 0}, 9), {9, 0, 1, 2, 9, 3, 4, 5, 9, 9, 9, 9}, {3, 4});
  expect(diagonal(x), {0, 4});
  expect(diagonal(x, 1), {1, 5});
  expect(diag_embed(list({1, 2})), {1, 0, 0, 2}, {2, 2});
}

TEST(Definitions, CuttingAndJoining) {
  const Var x = table();
  const Vars halves = chunk(x, 2, 1);
  ASSERT_EQ(halves.size(), 2u);
  expect(halves[0], {0, 1, 3, 4}, {2, 2});
  expect(halves[1], {2, 5}, {2, 1});
  expect(unstack(x, 1)[2], {2, 5});
  expect(concat(halves, 1), {0, 1, 2, 3, 4, 5}, {2, 3});
  expect(stack({list({1, 2}), list({3, 4})}, 1), {1, 3, 2, 4}, {2, 2});
}

TEST(Definitions, Functions) {
  const Var v = list({-2, -0.5, 0, 1, 3});
  expect(clamp(v, -1, 2), {-1, -0.5, 0, 1, 2});
  expect(relu(v), {0, 0, 0, 1, 3});
  expect(leaky_relu(v, 0.1), {-0.2, -0.05, 0, 1, 3});
  expect(elu(v, 2), {2 * std::expm1(-2.0), 2 * std::expm1(-0.5), 0, 1, 3});
  expect(softplus(v, 2, 1), {std::log1p(std::exp(-4.0)) / 2, std::log1p(std::exp(-1.0)) / 2,
                             std::numbers::ln2 / 2, 1, 3});
  expect(maximum(v, 0.5), {0.5, 0.5, 0.5, 1, 3});
  expect(minimum(v, 0.5), {-2, -0.5, 0, 0.5, 0.5});
  expect(pow(list({2, 3}), list({3, 2})), {8, 9});
  expect(fmod(list({-5, 5}), list({3, -3})), {-2, 2});
  expect(remainder(list({-5, 5}), list({3, -3})), {1, -1});
  expect(atan2(list({1, -1, 0}), list({0, 0, -1})),
         {std::numbers::pi / 2, -std::numbers::pi / 2, std::numbers::pi});
}

TEST(Definitions, ComparisonsAndChoice) {
  const Var a = list({1, 2, 3}), b = list({2, 2, 2});
  expect(lt(a, b), {1, 0, 0});
  expect(le(a, b), {1, 1, 0});
  expect(gt(a, b), {0, 0, 1});
  expect(ge(a, b), {0, 1, 1});
  expect(eq(a, b), {0, 1, 0});
  expect(ne(a, b), {1, 0, 1});
  const Var p = ne(list({0, 0, 1, 1}), 0.0), q = ne(list({0, 1, 0, 1}), 0.0);
  expect(logical_and(p, q), {0, 0, 0, 1});
  expect(logical_or(p, q), {0, 1, 1, 1});
  expect(logical_xor(p, q), {0, 1, 1, 0});
  expect(logical_not(p), {1, 1, 0, 0});
  const Var odd = list({NAN, INFINITY, -INFINITY, 1});
  expect(isnan(odd), {1, 0, 0, 0});
  expect(isinf(odd), {0, 1, 1, 0});
  expect(isfinite(odd), {0, 0, 0, 1});
  expect(where(p, list({1, 2, 3, 4}), list({5, 6, 7, 8})), {5, 6, 3, 4});
}

TEST(Definitions, StatisticsAndProducts) {
  expect(var(table()), {3.5}, {});
  expect(var(table(), {}, 0), {17.5 / 6}, {});
  expect(std(table()), {std::sqrt(3.5)}, {});
  expect(outer(list({1, 2}), list({3, 4, 5})), {3, 4, 5, 6, 8, 10}, {2, 3});
  expect(linear(list({2, 3}), data({1, 0, 0, 1, 1, 1}, {3, 2}), list({1, 1, 2})), {3, 4, 7});
}

TEST(Definitions, Indexing) {
  const Var x = table(), at = indices({2, 0}, {2, 1}), src = data({10, 20}, {2, 1});
  expect(gather(x, 1, at), {2, 3}, {2, 1});
  expect(take_along_axis(x, at, 1), {2, 3}, {2, 1});
  expect(scatter_add(x, 1, at, src), {0, 1, 12, 23, 4, 5}, {2, 3});
  expect(scatter_sum(src, 1, at, {2, 3}), {0, 0, 10, 20, 0, 0}, {2, 3});
  expect(argsort(list({3, 1, 2})), {1, 2, 0});
  expect(argsort(list({3, 1, 2}), -1, true), {0, 2, 1});
}

TEST(Definitions, Pooling) {
  const Var x = Tensor::arange(16, DType::f64).reshape({1, 1, 4, 4}),
            line = data({1, 3, 2, 0}, {1, 1, 4});
  expect(max_pool2d(x, {2, 2}), {5, 7, 13, 15}, {1, 1, 2, 2});
  expect(avg_pool2d(x, {2, 2}), {2.5, 4.5, 10.5, 12.5}, {1, 1, 2, 2});
  expect(adaptive_max_pool2d(x, {2, 2}), {5, 7, 13, 15}, {1, 1, 2, 2});
  expect(adaptive_avg_pool2d(x, {1, 2}), {6.5, 8.5}, {1, 1, 1, 2});
  expect(max_pool1d(line, 2), {3, 2}, {1, 1, 2});
  expect(avg_pool1d(line, 2), {2, 1}, {1, 1, 2});
  expect(adaptive_avg_pool1d(line, 1), {1.5}, {1, 1, 1});
  expect(adaptive_max_pool1d(line, 1), {3}, {1, 1, 1});
}

}  // namespace
}  // namespace sonde
