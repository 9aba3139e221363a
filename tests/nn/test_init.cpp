// Initial values: bounds, moments, orthogonality.
#include "nn/init.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "autograd/ops.hpp"
#include "tests/nn/expect_code.hpp"

namespace sonde::nn {
namespace {

struct Moments {
  double mean = 0, variance = 0, least = 0, greatest = 0;
  std::int64_t count = 0;
};

Moments moments(const Tensor& t) {
  const auto v = t.to_vector<double>();
  Moments m{0, 0, v[0], v[0], t.numel()};
  for (double x : v) {
    m.mean += x / static_cast<double>(m.count);
    m.least = std::min(m.least, x);
    m.greatest = std::max(m.greatest, x);
  }
  for (double x : v) m.variance += (x - m.mean) * (x - m.mean) / static_cast<double>(m.count);
  return m;
}

// Within five standard errors; `kurtosis` is that of the distribution, E (x - mean)^4 / variance^2.
void expect_moments(const Tensor& t, double mean, double variance, double kurtosis) {
  const Moments m = moments(t);
  const auto n = static_cast<double>(m.count);
  EXPECT_NEAR(m.mean, mean, 5 * std::sqrt(variance / n));
  EXPECT_NEAR(m.variance, variance, 5 * variance * std::sqrt((kurtosis - 1) / n));
}

void expect_uniform(const Tensor& t, double bound) {
  const Moments m = moments(t);
  EXPECT_GE(m.least, -bound);
  EXPECT_LT(m.least, -0.99 * bound);
  EXPECT_LE(m.greatest, bound);
  EXPECT_GT(m.greatest, 0.99 * bound);
  expect_moments(t, 0, bound * bound / 3, 1.8);
}

constexpr philox::Key key{3, 4};
const Dims conv{40, 30, 3, 5};  // fan-in 450, fan-out 600

TEST(Init, XavierKeepsTheMeanOfBothVariances) {
  expect_uniform(xavier_uniform(conv, key), std::sqrt(6.0 / 1050));
  expect_uniform(xavier_uniform({200, 50}, key, 2, DType::f64), 2 * std::sqrt(6.0 / 250));
  expect_moments(xavier_normal(conv, key), 0, 2.0 / 1050, 3);
  expect_moments(xavier_normal(conv, key, 0.5, DType::f64), 0, 0.5 / 1050, 3);
}

TEST(Init, KaimingKeepsTheVarianceOfOneDirection) {
  expect_uniform(kaiming_uniform(conv, key), std::sqrt(6.0 / 450));
  expect_uniform(kaiming_uniform(conv, key, {.mode = Fan::out}), std::sqrt(6.0 / 600));
  expect_uniform(kaiming_uniform(conv, key, {.a = std::sqrt(5.0)}), std::sqrt(1.0 / 450));
  expect_uniform(kaiming_uniform(conv, key, {.nonlinearity = Nonlinearity::tanh}),
                 5.0 / 3 * std::sqrt(3.0 / 450));
  expect_moments(kaiming_normal(conv, key, {.nonlinearity = Nonlinearity::relu}), 0, 2.0 / 450, 3);
  expect_moments(kaiming_normal(conv, key, {.a = 2, .mode = Fan::out, .dtype = DType::f64}), 0,
                 0.4 / 600, 3);
}

TEST(Init, GainsAreThoseOfPyTorch) {
  EXPECT_EQ(gain(Nonlinearity::linear), 1);
  EXPECT_EQ(gain(Nonlinearity::sigmoid), 1);
  EXPECT_EQ(gain(Nonlinearity::tanh), 5.0 / 3);
  EXPECT_EQ(gain(Nonlinearity::relu), std::sqrt(2.0));
  EXPECT_EQ(gain(Nonlinearity::leaky_relu), std::sqrt(2 / (1 + 0.01 * 0.01)));
  EXPECT_EQ(gain(Nonlinearity::leaky_relu, 3), std::sqrt(0.2));
  EXPECT_EQ(gain(Nonlinearity::selu), 0.75);
}

TEST(Init, NormalAndTruncatedNormal) {
  expect_moments(normal_init({200, 100}, 3, 0.5, key), 3, 0.25, 3);
  // Within one standard deviation: variance 1 - 2 phi(1) / (2 Phi(1) - 1), kurtosis below 3.
  const Tensor t =
      truncated_normal_init({200, 100}, key, {.std = 0.02, .low = -0.02, .high = 0.02});
  const Moments m = moments(t);
  EXPECT_GE(m.least, -0.02f);
  EXPECT_LE(m.greatest, 0.02f);
  EXPECT_GT(m.greatest, 0.0199);
  const double phi = std::exp(-0.5) / std::sqrt(2 * M_PI), inside = std::erf(std::sqrt(0.5));
  expect_moments(t, 0, 0.0004 * (1 - 2 * phi / inside), 3);
  sonde::testing::expect_code(ErrorCode::value,
                              [] { truncated_normal_init({3}, key, {.std = 0}); });
  sonde::testing::expect_code(ErrorCode::value,
                              [] { truncated_normal_init({3}, key, {.low = 1, .high = 0}); });
}

// The Gram matrix of rows or columns is g^2 times the identity.
void expect_orthogonal(const Dims& shape, double g, DType dtype, double tolerance) {
  const Tensor w = orthogonal_init(shape, key, g, dtype);
  ASSERT_EQ(w.shape(), shape);
  ASSERT_EQ(w.dtype(), dtype);
  Var m = reshape(w, {shape[0], -1});
  if (m.size(0) > m.size(1)) m = transpose(m);
  const Tensor gram = matmul(m, transpose(m)).tensor();
  for (std::int64_t i = 0; i < gram.shape()[0]; ++i)
    for (std::int64_t j = 0; j < gram.shape()[0]; ++j)
      EXPECT_NEAR(gram.at({i, j}), i == j ? g * g : 0, tolerance);
}

TEST(Init, OrthogonalHasOrthonormalRowsOrColumns) {
  expect_orthogonal({7, 5}, 1, DType::f64, 1e-14);
  expect_orthogonal({5, 7}, 1, DType::f64, 1e-14);
  expect_orthogonal({4, 3, 2, 2}, 2.5, DType::f64, 1e-13);
  expect_orthogonal({20, 20}, 1, DType::f32, 1e-6);
}

TEST(Init, OrthogonalIsUniformlyDistributed) {  // so entries of 2 x 2 matrices have mean 0
  double corner = 0;
  int reflections = 0;
  constexpr int n = 2000;
  for (std::uint64_t i = 0; i < n; ++i) {
    const auto q =
        orthogonal_init({2, 2}, philox::child(key, i), 1, DType::f64).to_vector<double>();
    corner += q[0] / n;
    reflections += q[0] * q[3] - q[1] * q[2] < 0;
  }
  EXPECT_NEAR(corner, 0, 5 * std::sqrt(0.5 / n));
  EXPECT_NEAR(reflections, n / 2, 5 * std::sqrt(n / 4));
}

TEST(Init, IsAFunctionOfTheKey) {
  const auto draw = [](philox::Key k) { return kaiming_uniform({20, 5}, k).to_vector<float>(); };
  EXPECT_EQ(draw(key), draw(key));
  EXPECT_NE(draw(key), draw({3, 5}));
}

TEST(Init, ShapesWithoutFansAreErrors) {
  for (const Dims& bad : {Dims{5}, Dims{5, 0}, Dims{0, 5}, Dims{}}) {
    for (auto init : {+[](const Dims& s) { return xavier_uniform(s, key); },
                      +[](const Dims& s) { return xavier_normal(s, key); },
                      +[](const Dims& s) { return kaiming_uniform(s, key); },
                      +[](const Dims& s) { return kaiming_normal(s, key); },
                      +[](const Dims& s) { return orthogonal_init(s, key); }})
      sonde::testing::expect_code(ErrorCode::shape, [&] { init(bad); });
  }
}

}  // namespace
}  // namespace sonde::nn
