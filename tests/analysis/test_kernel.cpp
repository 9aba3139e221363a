// Kernels over data: alignment, spectrum, regression, and gradient flow against a network trained
// by small steps.
#include <gtest/gtest.h>

#include <cmath>

#include "analysis/kernel.hpp"
#include "analysis/ntk.hpp"
#include "autograd/ops.hpp"
#include "nn/init.hpp"
#include "tests/analysis/values.hpp"

namespace sonde {
namespace {

using testing::distance;
using testing::random;

Tensor product(const Tensor& a, const Tensor& b, Transposed stored = {}) {
  return matmul(Var(a), Var(b), stored).tensor();
}

TEST(Kernel, AlignmentIsACosine) {
  const Tensor x = random({6, 3}, 1), y = random({6}, 2), k = gram(x, x);
  EXPECT_NEAR(kernel_alignment(k, (Var(k) * 3.0).tensor()), 1, 1e-14);
  EXPECT_NEAR(label_alignment(gram(y.unsqueeze(1), y.unsqueeze(1)), y), 1, 1e-14);
  const double norm_k = std::sqrt(sum(Var(k) * Var(k)).item()),
               norm_y = sum(Var(y) * Var(y)).item();
  const double expected = product(product(y.unsqueeze(0), k), y.unsqueeze(1)).reshape({}).item();
  EXPECT_NEAR(label_alignment(k, y), expected / (norm_k * norm_y), 1e-14);
  EXPECT_THROW(kernel_alignment(k, Tensor::zeros({6, 6}, DType::f64)), Error);
  EXPECT_THROW(kernel_alignment(k, random({5, 5}, 1)), Error);
  EXPECT_THROW(label_alignment(k, random({5}, 1)), Error);
}

TEST(Kernel, TheSpectrumMakesTheKernel) {
  const Tensor x = random({7, 4}, 1), k = gram(x, x);  // rank 4
  const KernelSpectrum s = kernel_spectrum(k);
  const Tensor scaled = (Var(s.vectors) * Var(s.values)).tensor();
  EXPECT_LT(distance(product(scaled, s.vectors, {.b = true}), k), 1e-12);
  for (std::int64_t i = 1; i < 7; ++i) EXPECT_GE(s.values.at({i - 1}), s.values.at({i}));
  EXPECT_NEAR(s.values.at({4}), 0, 1e-12);
  const Tensor power = cumulative_power(s, random({7, 2}, 3));
  EXPECT_NEAR(power.at({6}), 1, 1e-14);
  const Tensor within = cumulative_power(s, product(x, random({4}, 4).unsqueeze(1)));
  EXPECT_NEAR(within.at({3}), 1, 1e-12);  // targets in the kernel's range
  EXPECT_LT(within.at({0}), 1);
  EXPECT_THROW(kernel_spectrum(random({4, 4}, 1)), Error);
  EXPECT_THROW(kernel_spectrum(random({4, 3}, 1)), Error);
  EXPECT_THROW(cumulative_power(s, Tensor::zeros({7}, DType::f64)), Error);
}

TEST(Kernel, RidgeRegressionInTwoForms) {
  const Tensor x = random({8, 3}, 1), y = random({8, 2}, 2), z = random({5, 3}, 3);
  const double ridge = 0.7;
  const Tensor dual = KernelRegression(gram(x, x), y, ridge).predict(gram(z, x));
  const Var a = Var(product(x, x, {.a = true})) + ridge * Var(Tensor::eye(3, DType::f64));
  const Tensor primal = product(z, solve(a, product(x, y, {.a = true})).tensor());
  EXPECT_LT(distance(dual, primal), 1e-12);
  EXPECT_EQ(KernelRegression(gram(x, x), y.select(1, 0), ridge).predict(gram(z, x)).rank(), 1);
  try {
    KernelRegression(gram(x, x), y);  // of rank 3
    ADD_FAILURE() << "was accepted";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::numeric);
    EXPECT_NE(e.hint().find("ridge"), std::string::npos);
  }
  EXPECT_THROW(KernelRegression(gram(x, x), y, -1), Error);
  EXPECT_THROW(KernelRegression(gram(x, x), y, 1).predict(gram(z, z)), Error);
}

// A linear model has a constant tangent kernel: many small steps of gradient descent are the flow.
TEST(Kernel, GradientFlowIsTheLimitOfSmallSteps) {
  const Tensor x = random({4, 6}, 1), y = random({4, 2}, 2), z = random({3, 6}, 3);
  const Tensor start = random({2, 6}, 4);
  const auto outputs = [](const Tensor& w, const Tensor& in) {
    return product(in, w, {.b = true});
  };
  const GradientFlow flow(gram(x, x), y, outputs(start, x));
  const Tensor initial = outputs(start, z), kernel = gram(z, x);
  constexpr double rate = 1e-5;
  Tensor w = start.clone();
  int steps = 0;
  for (const int until : {2000, 20000}) {
    for (; steps < until; ++steps) {
      const Tensor residual = (Var(outputs(w, x)) - Var(y)).tensor();
      w = (Var(w) - rate * Var(product(residual, x, {.a = true}))).tensor();
    }
    EXPECT_LT(distance(flow.train(rate * steps), outputs(w, x)), 1e-4);
    EXPECT_LT(distance(flow.predict(kernel, initial, rate * steps), outputs(w, z)), 1e-4);
  }
  EXPECT_LT(distance(flow.train(0), outputs(start, x)), 1e-14);
  EXPECT_LT(distance(flow.train(INFINITY), y), 1e-10);
  // At the end: what regression on the rest would give.
  const Tensor rest = (Var(y) - Var(outputs(start, x))).tensor();
  const Tensor end =
      (Var(initial) + Var(KernelRegression(gram(x, x), rest).predict(kernel))).tensor();
  EXPECT_LT(distance(flow.predict(kernel, initial, INFINITY), end), 1e-10);
  EXPECT_THROW(flow.train(-1), Error);
}

// More inputs than parameters: what the kernel cannot reach stays.
TEST(Kernel, GradientFlowLeavesWhatItCannotReach) {
  const Tensor x = random({6, 2}, 1), y = random({6}, 2);
  const GradientFlow flow(gram(x, x), y, Tensor::zeros({6}, DType::f64));
  const Tensor fit = product(x, lstsq(x, y.unsqueeze(1)).tensor()).squeeze(1);
  EXPECT_LT(distance(flow.train(INFINITY), fit), 1e-10);
}

// A wide network's first steps: its tangent kernel at the start predicts them.
TEST(Kernel, GradientFlowPredictsAWideNetwork) {
  constexpr std::int64_t width = 2000, inputs = 6;
  const Point at = Point::of({random({width, 3}, 1), random({1, width}, 2)});
  const RowFunction f = [](const Vars& p, const Var& x) {
    return linear(tanh(linear(x, p[0])), p[1]) / std::sqrt(double{width});
  };
  const Tensor x = random({inputs, 3}, 3), y = random({inputs, 1}, 4);
  const Tensor kernel = ntk(f, at, x, {.trace = true});
  const GradientFlow flow(kernel, y, f(at.values, x).tensor());
  Vars p = at.values;
  constexpr double rate = 1e-3;
  constexpr int steps = 400;
  const Function loss = [&](const Vars& q) {
    const Var error = f(q, x) - Var(y);
    return 0.5 * sum(error * error);
  };
  for (int i = 0; i < steps; ++i) {
    const Vars g = grad(loss)(p);
    for (std::size_t k = 0; k < p.size(); ++k) p[k] = p[k] - rate * g[k];
  }
  const Tensor trained = f(p, x).tensor();
  EXPECT_GT(distance(trained, f(at.values, x).tensor()), 0.3);  // something was learnt
  EXPECT_LT(distance(flow.train(rate * steps), trained), 0.03);
  EXPECT_GT(kernel_alignment(kernel, ntk(f, Point::of(p), x, {.trace = true})), 0.999);
}

TEST(Kernel, OfSeveralOutputsIsAMatrixOfPairsOfInputAndOutput) {
  const Tensor kernel = Tensor::arange(2 * 3 * 4 * 5, DType::f64).reshape({2, 3, 4, 5});
  const Tensor matrix = kernel_matrix(kernel);
  EXPECT_EQ(matrix.shape(), (Dims{2 * 4, 3 * 5}));
  EXPECT_EQ(matrix.at({1 * 4 + 3, 2 * 5 + 1}), kernel.at({1, 2, 3, 1}));
  EXPECT_EQ(matrix.at({0 * 4 + 2, 1 * 5 + 4}), kernel.at({0, 1, 2, 4}));
  EXPECT_EQ(kernel_matrix(matrix).shape(), matrix.shape());
}

}  // namespace
}  // namespace sonde
