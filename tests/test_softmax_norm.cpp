// Row-wise kernels against plain loops in double.
#include "tensor/kernels/softmax_norm.hpp"

#include <gtest/gtest.h>

#include "tests/row_reference.hpp"

namespace sonde {
namespace {

using test::expect_close;
using test::random_tensor;
using test::tolerance;
using Values = std::vector<double>;
constexpr double inf = std::numeric_limits<double>::infinity();
const Device cpu{};

// Rows of the last axis.
Values naive_softmax(const Tensor& x, bool log) {
  Values v = x.to_vector<double>();
  const std::size_t n = x.shape().back();
  for (std::size_t at = 0; at < v.size(); at += n) {
    const double top = *std::max_element(&v[at], &v[at] + n);
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += std::exp(v[at + i] - top);
    for (std::size_t i = 0; i < n; ++i) {
      const double shifted = v[at + i] - top;
      v[at + i] = log ? shifted - std::log(sum) : std::exp(shifted) / sum;
    }
  }
  return v;
}

Values naive_softmax_grad(const Tensor& y, const Tensor& ct, bool log) {
  Values v = y.to_vector<double>(), c = ct.to_vector<double>();
  const std::size_t n = y.shape().back();
  for (std::size_t at = 0; at < v.size(); at += n) {
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += log ? c[at + i] : v[at + i] * c[at + i];
    for (std::size_t i = 0; i < n; ++i)
      v[at + i] = log ? c[at + i] - std::exp(v[at + i]) * sum : v[at + i] * (c[at + i] - sum);
  }
  return v;
}

class SoftmaxSizes : public testing::TestWithParam<std::tuple<DType, int, int>> {};

TEST_P(SoftmaxSizes, AgreesWithLoops) {
  const auto [dtype, rows, size] = GetParam();
  const Tensor x = random_tensor({rows, size}, dtype, 1, 3),
               ct = random_tensor({rows, size}, dtype, 2);
  const double tol = tolerance(dtype);
  for (bool log : {false, true}) {
    auto& forward = log ? kernels::log_softmax : kernels::softmax;
    auto& backward = log ? kernels::log_softmax_grad : kernels::softmax_grad;
    const Tensor y = forward.find(cpu, dtype)(x, 1);
    expect_close(y, naive_softmax(x, log), tol);
    expect_close(backward.find(cpu, dtype)(y, ct, 1), naive_softmax_grad(y, ct, log), tol);
  }
}

INSTANTIATE_TEST_SUITE_P(All, SoftmaxSizes,
                         testing::Combine(testing::Values(DType::f32, DType::f64),
                                          testing::Values(1, 7, 37),
                                          testing::Values(1, 2, 10, 16, 17, 33, 64, 1000)));

TEST(Softmax, AnyAxisAndAnyStrides) {
  const Tensor x = random_tensor({3, 5, 4}, DType::f64, 1);
  const auto softmax = kernels::softmax.find(cpu, DType::f64);
  const Tensor moved = x.permute({0, 2, 1});
  expect_close(softmax(x, 1).permute({0, 2, 1}), naive_softmax(moved, false), 1e-14);
  expect_close(softmax(moved, 2), naive_softmax(moved, false), 1e-14);
  const Tensor view = x.flip({2}).slice(1, 0, 5, 2);
  expect_close(softmax(view, 2), naive_softmax(view, false), 1e-14);
  expect_close(softmax(x.select(2, 0).unsqueeze(2).expand({3, 5, 6}), 2), Values(90, 1.0 / 6),
               1e-14);
  EXPECT_EQ(softmax(Tensor::zeros({0, 3}, DType::f64), 1).shape(), (Dims{0, 3}));
  EXPECT_EQ(softmax(Tensor::zeros({3, 0}, DType::f64), 1).shape(), (Dims{3, 0}));
}

TEST(Softmax, ExtremeRows) {
  for (DType dtype : {DType::f32, DType::f64}) {
    const auto softmax = kernels::softmax.find(cpu, dtype);
    for (int size : {4, 40}) {
      Tensor x = Tensor::full({4, size}, 1e4, dtype);
      x.select(0, 1).copy_from(Tensor::full({size}, -inf, dtype));
      x.slice(0, 2, 3).slice(1, 1, size).copy_from(Tensor::full({1, size - 1}, -inf, dtype));
      x.slice(0, 3, 4).slice(1, 1, 2).copy_from(Tensor::full({1, 1}, std::nan(""), dtype));
      const Tensor y = softmax(x, 1);
      expect_close(y.select(0, 0), Values(size, 1.0 / size), 1e-6);  // constant and large
      EXPECT_TRUE(std::isnan(y.at({1, 0})));                         // nothing to choose from
      EXPECT_EQ(y.at({2, 0}), 1);                                    // one possible class
      EXPECT_EQ(y.at({2, size - 1}), 0);
      for (int i = 0; i < size; ++i) EXPECT_TRUE(std::isnan(y.at({3, i})));
    }
  }
}

TEST(Softmax, SameBitsForAnyThreads) {
  const Tensor x = random_tensor({3001, 33}, DType::f32, 5);
  test::expect_same_for_any_threads([&] { return kernels::softmax.find(cpu, DType::f32)(x, 1); });
}

TEST(CrossEntropy, LossAndGradientAgreeWithLoops) {
  for (DType dtype : {DType::f32, DType::f64})
    for (int classes : {1, 3, 10, 70})
      for (double smoothing : {0.0, 0.1}) {
        const int rows = 13;
        const Tensor x = random_tensor({rows, classes}, dtype, 3),
                     ct = random_tensor({rows}, dtype, 4);
        Tensor target = Tensor::arange(rows);
        auto* t = target.data<std::int64_t>();
        for (int r = 0; r < rows; ++r) t[r] = r == 5 ? -100 : r * 7 % classes;
        const kernels::CrossEntropy attributes{1, -100, smoothing};
        const auto [loss, lse, counted] =
            kernels::cross_entropy.find(cpu, dtype)(x, target, attributes);
        const Tensor g =
            kernels::cross_entropy_grad.find(cpu, dtype)(x, target, lse, ct, attributes);
        const Values log_p = naive_softmax(x, true), c = ct.to_vector<double>();
        Values losses(rows, 0), gradient(rows * classes, 0);
        for (int r = 0; r < rows; ++r)
          for (int k = 0; k < classes && r != 5; ++k) {
            const double q = (k == t[r] ? 1 - smoothing : 0) + smoothing / classes;
            losses[r] -= q * log_p[r * classes + k];
            gradient[r * classes + k] = (std::exp(log_p[r * classes + k]) - q) * c[r];
          }
        expect_close(loss, losses, tolerance(dtype));
        EXPECT_EQ(counted.at({5}), 0);
        EXPECT_EQ(counted.at({6}), 1);
        expect_close(g, gradient, tolerance(dtype));
      }
}

TEST(CrossEntropy, ATargetOutsideTheClassesIsAnError) {
  const Tensor x = Tensor::zeros({2, 3});
  for (std::int64_t bad : {std::int64_t{3}, std::int64_t{-1}, INT64_MIN, INT64_MAX})
    EXPECT_THROW(kernels::cross_entropy.find(cpu, DType::f32)(
                     x, Tensor::from<std::int64_t>({0, bad}, {2}), {}),
                 Error);
}

// --- normalisation

struct NaiveNorm {
  Values y, mean, rstd, dx, dweight, dbias;
};

// x [L,B,M,G,c] by the definition, one statistic at a time.
NaiveNorm naive_normalize(const Tensor& x, const Tensor& weight, const Tensor& bias,
                          const Tensor& ct, double eps, bool center) {
  const Dims s = x.shape();
  const Values v = x.to_vector<double>(), c = ct.to_vector<double>();
  const Values w = weight.expand({s[0], s[3], s[4]}).to_vector<double>();
  const Values b = bias.expand({s[0], s[3], s[4]}).to_vector<double>();
  NaiveNorm out{v, {}, {}, v, Values(w.size(), 0), Values(w.size(), 0)};
  const double n = static_cast<double>(s[2] * s[4]);
  for (std::int64_t l = 0; l < s[0]; ++l)
    for (std::int64_t o = 0; o < s[1]; ++o)
      for (std::int64_t g = 0; g < s[3]; ++g) {
        auto each = [&](auto f) {
          for (std::int64_t m = 0; m < s[2]; ++m)
            for (std::int64_t k = 0; k < s[4]; ++k)
              f((((l * s[1] + o) * s[2] + m) * s[3] + g) * s[4] + k, (l * s[3] + g) * s[4] + k);
        };
        double mean = 0, var = 0, seed = 0, dot = 0;
        if (center) each([&](auto i, auto) { mean += v[i] / n; });
        each([&](auto i, auto) { var += (v[i] - mean) * (v[i] - mean) / n; });
        const double rstd = 1 / std::sqrt(var + eps);
        out.mean.push_back(mean);
        out.rstd.push_back(rstd);
        each([&](auto i, auto j) {
          const double xhat = (v[i] - mean) * rstd;
          out.y[i] = xhat * w[j] + b[j];
          seed += c[i] * w[j] / n;
          dot += c[i] * w[j] * xhat / n;
          out.dweight[j] += c[i] * xhat;
          out.dbias[j] += c[i];
        });
        each([&](auto i, auto j) {
          const double xhat = (v[i] - mean) * rstd;
          out.dx[i] = rstd * (c[i] * w[j] - (center ? seed : 0) - xhat * dot);
        });
      }
  return out;
}

class NormalizeShapes : public testing::TestWithParam<std::tuple<DType, bool, Dims>> {};

TEST_P(NormalizeShapes, AgreesWithLoops) {
  const auto [dtype, center, s] = GetParam();
  const kernels::Normalize attributes{1e-3, center};
  const double tol = tolerance(dtype);
  const Tensor x = random_tensor(s, dtype, 1, 2), ct = random_tensor(s, dtype, 2);
  const auto forward = kernels::normalize.find(cpu, dtype);
  const auto backward = kernels::normalize_grad.find(cpu, dtype);
  for (std::int64_t lanes : {std::int64_t{1}, s[0]}) {
    const Tensor w = random_tensor({lanes, s[3], s[4]}, dtype, 3),
                 b = random_tensor({1, s[3], s[4]}, dtype, 4);
    const NaiveNorm expected = naive_normalize(x, w, b, ct, attributes.eps, center);
    const auto [y, mean, rstd] = forward(x, w, b, attributes);
    expect_close(y, expected.y, tol);
    expect_close(mean, expected.mean, tol);
    expect_close(rstd, expected.rstd, tol);
    const auto [dx, dweight, dbias] = backward({x, w, mean, rstd}, ct, attributes, true);
    expect_close(dx, expected.dx, tol);
    expect_close(dweight, expected.dweight, 4 * tol);
    expect_close(dbias, expected.dbias, 4 * tol);
  }
  const Tensor one = Tensor::ones({1, s[3], s[4]}, dtype),
               none = Tensor::zeros({1, s[3], s[4]}, dtype);
  const NaiveNorm plain = naive_normalize(x, one, none, ct, attributes.eps, center);
  const auto [xhat, mean, rstd] = forward(x, {}, {}, attributes);
  expect_close(xhat, plain.y, tol);
  const auto from_xhat = backward({xhat, {}, {}, rstd}, ct, attributes, false);
  expect_close(from_xhat[0], plain.dx, tol);
  EXPECT_FALSE(from_xhat[1]);
}

INSTANTIATE_TEST_SUITE_P(
    All, NormalizeShapes,
    testing::Combine(testing::Values(DType::f32, DType::f64), testing::Bool(),
                     testing::Values(Dims{1, 5, 1, 1, 33},       // layer norm
                                     Dims{3, 7, 1, 1, 16},       // per sample
                                     Dims{2, 3, 1, 4, 5},        // several groups in a row
                                     Dims{1, 1, 600, 19, 1},     // batch norm
                                     Dims{1, 5, 49, 3, 6},       // group norm
                                     Dims{2, 2, 9, 4, 1},        // instance norm with lanes
                                     Dims{1, 1, 1, 1, 9000})));  // several runs

TEST(Normalize, AMeanFarFromZeroKeepsItsDigits) {
  for (const Dims& s : {Dims{1, 4, 1, 1, 5000}, Dims{1, 1, 5000, 4, 1}}) {
    const Tensor x = random_tensor(s, DType::f32, 1, 1000);
    const auto out = kernels::normalize.find(cpu, DType::f32)(x, {}, {}, {0, true});
    const auto exact =
        kernels::normalize.find(cpu, DType::f64)(x.to(DType::f64), {}, {}, {0, true});
    expect_close(out[2], exact[2], 1e-6);
    expect_close(out[0], exact[0], 1e-4);
  }
}

TEST(Normalize, DegenerateSizesAndConstantRows) {
  const auto forward = kernels::normalize.find(cpu, DType::f64);
  const auto backward = kernels::normalize_grad.find(cpu, DType::f64);
  for (const Dims& s :
       {Dims{1, 0, 1, 1, 4}, Dims{1, 3, 1, 1, 0}, Dims{1, 2, 0, 3, 1}, Dims{0, 2, 2, 3, 1}}) {
    const Tensor x = Tensor::zeros(s, DType::f64);
    const auto [y, mean, rstd] = forward(x, {}, {}, {1e-5, true});
    EXPECT_EQ(y.shape(), s);
    const auto grads = backward({x, {}, mean, rstd}, x, {1e-5, true}, true);
    expect_close(grads[1], Values(s[0] * s[3] * s[4], 0), 0);
  }
  const Tensor same = Tensor::full({1, 2, 1, 1, 20}, 3, DType::f64);
  const auto out = forward(same, {}, {}, {1e-4, true});
  expect_close(out[0], Values(40, 0), 0);
  expect_close(out[2], Values(2, 100), 1e-12);
}

TEST(Normalize, SameBitsForAnyThreads) {
  for (const Dims& s :
       {Dims{1, 3000, 1, 1, 65}, Dims{1, 1, 20000, 30, 1}, Dims{1, 3, 5000, 4, 8}}) {
    const Tensor x = random_tensor(s, DType::f32, 1), ct = random_tensor(s, DType::f32, 2);
    const kernels::Normalize a{};
    auto part = [&](int i) {
      const auto out = kernels::normalize.find(cpu, DType::f32)(x, {}, {}, a);
      return i == 3 ? out[0]
                    : kernels::normalize_grad.find(cpu, DType::f32)({x, {}, out[1], out[2]}, ct, a,
                                                                    true)[i];
    };
    for (int i = 0; i < 4; ++i) test::expect_same_for_any_threads([&] { return part(i); });
  }
}

}  // namespace
}  // namespace sonde
