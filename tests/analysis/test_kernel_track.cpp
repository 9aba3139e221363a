// The tangent kernel along training: a linear model's stays, that of a product of two numbers is
// known.
#include "analysis/kernel_track.hpp"

#include <gtest/gtest.h>

#include "analysis/kernel.hpp"
#include "autograd/ops.hpp"
#include "nn/linear.hpp"
#include "optim/sgd.hpp"
#include "tests/analysis/small_models.hpp"
#include "tests/analysis/values.hpp"
#include "tests/nn/expect_code.hpp"

namespace sonde {
namespace {

using testing::distance;
using testing::expect_code;
using testing::random;

// Squared error, one step of gradient descent.
void train(nn::Module& net, optim::Sgd& sgd, const Tensor& x, const Tensor& y) {
  const auto out = nn::value_and_grad(net, [&](nn::Context& ctx) {
    const Var error = net(ctx, x) - y;
    return make_vars(mean(error * error));
  });
  sgd.step(out.grads);
}

TEST(KernelTrack, ALinearModelsKernelStays) {
  nn::Linear net(3, 2, {1, 0});
  net.convert(DType::f64);
  const ParameterPoint at(net);
  const Tensor x = random({6, 3}, 1), y = random({6, 2}, 2), start = at.values[0].tensor().clone();
  optim::Sgd sgd(net, {.lr = 0.1});
  for (const NtkMethod method :
       {NtkMethod::contract, NtkMethod::vector_products, NtkMethod::structured}) {
    KernelTrack track(rows_of(at), at.space, x, y, {.ntk = {.method = method}, .top = 3});
    for (int step = 0; step < 4; ++step, train(net, sgd, x, y)) track.observe(step, at.values);
    for (const KernelState& s : track.states()) {
      EXPECT_EQ(s.drift, 0);
      EXPECT_NEAR(s.alignment, 1, 1e-14);
      EXPECT_NEAR(s.step_alignment, 1, 1e-14);
      EXPECT_EQ(s.top, track.states()[0].top);
      EXPECT_EQ(s.label_alignment, track.states()[0].label_alignment);
      ASSERT_EQ(s.top.size(), 3u);
    }
    // K = (X X' + 1) for either output: every eigenvalue twice.
    const Tensor plain = (matmul(x, x, {.b = true}) + 1.0).tensor();
    EXPECT_NEAR(track.states()[0].top[0], kernel_spectrum(plain).values.at({0}), 1e-12);
    EXPECT_NEAR(track.states()[0].top[1], track.states()[0].top[0], 1e-12);
    EXPECT_NEAR(track.states()[0].trace, 2 * sum(diagonal(Var(plain))).item(), 1e-12);
  }
  EXPECT_GT(distance(at.values[0], start), 0.01);  // it was trained
}

// f = a b x has the kernel (a^2 + b^2) x x'.
TEST(KernelTrack, OfAProductOfTwoNumbersIsKnown) {
  const RowFunction f = [](const Vars& p, const Var& x) { return x * (p[0] * p[1]); };
  const std::vector<std::pair<double, double>> path{{1, 2}, {1.5, 2}, {2, 2.5}};
  const Tensor x = random({5}, 1), y = random({5}, 2);
  const auto number = [](double v) { return Var(Tensor::full({1}, v, DType::f64)); };
  KernelTrack track(f, Point::of({number(1), number(1)}).space, x, y);
  const double squares = dot(x, x).item(), along = dot(x, y).item();
  for (const auto& [a, b] : path) {
    const KernelState& s = track.observe(a, {number(a), number(b)});
    EXPECT_EQ(s.time, a);
    EXPECT_NEAR(s.drift, (a * a + b * b - 5) / 5, 1e-13);
    EXPECT_NEAR(s.alignment, 1, 1e-13);
    EXPECT_NEAR(s.top[0], (a * a + b * b) * squares, 1e-12);
    EXPECT_NEAR(s.trace, s.top[0], 1e-12);
    EXPECT_NEAR(s.label_alignment, along * along / (squares * dot(y, y).item()), 1e-13);
  }
  EXPECT_EQ(track.states().size(), 3u);
}

TEST(KernelTrack, OfChosenOutputsOfANetwork) {
  const testing::SmallModel m = testing::small_model("mlp");
  const ParameterPoint at(*m.module);
  const Tensor x = m.x.tensor(), y = random({5, 2}, 3), all_targets = random({5, 4}, 3);
  const NtkOptions chosen{.outputs = {0, 2}}, traced{.trace = true};
  KernelTrack two(rows_of(at), at.space, x, y, {.ntk = chosen}),
      sum_of_all(rows_of(at), at.space, x, all_targets, {.ntk = traced});
  Vars moved;
  for (const Var& v : at.values) moved.push_back(v * 1.1);
  Vars farther;
  for (const Var& v : moved) farther.push_back(v * 1.2);
  for (const Vars& values : {at.values, moved}) {
    two.observe(0, values);
    sum_of_all.observe(0, values);
  }
  const auto kernel = [&](const Vars& values, const NtkOptions& o) {
    return kernel_matrix(ntk(rows_of(at), Point{at.space, values}, x, o));
  };
  const Tensor k0 = kernel(at.values, chosen), k1 = kernel(moved, chosen);
  EXPECT_EQ(k0.shape(), (Dims{10, 10}));
  const KernelState last = two.states()[1];
  EXPECT_NEAR(last.drift, norm(k1 - Var(k0)).item() / norm(k0).item(), 1e-13);
  EXPECT_GT(last.drift, 0.1);
  EXPECT_NEAR(last.alignment, kernel_alignment(k0, k1), 1e-14);
  EXPECT_NEAR(last.label_alignment, label_alignment(k1, y.reshape({10})), 1e-14);
  EXPECT_LT(distance(two.kernel(), k1), 1e-12);
  const KernelState& third = two.observe(2, farther);
  EXPECT_NEAR(third.step_alignment, kernel_alignment(k1, kernel(farther, chosen)), 1e-14);
  EXPECT_NEAR(third.alignment, kernel_alignment(k0, kernel(farther, chosen)), 1e-14);
  EXPECT_GT(third.step_alignment - third.alignment, 1e-4);
  EXPECT_NEAR(sum_of_all.states()[1].label_alignment,
              label_alignment(kernel(moved, traced), all_targets), 1e-14);
}

TEST(KernelTrack, RefusesWhatDoesNotFit) {
  const testing::SmallModel m = testing::small_model("mlp");
  const ParameterPoint at(*m.module);
  const Tensor x = m.x.tensor();
  expect_code(ErrorCode::shape,
              [&] { KernelTrack(rows_of(at), at.space, x, Tensor::zeros({4}, DType::f64)); });
  expect_code(ErrorCode::value, [&] { KernelTrack(rows_of(at), at.space, x, {}, {.top = -1}); });
  KernelTrack track(rows_of(at), at.space, x, random({5}, 1));  // for four outputs
  expect_code(ErrorCode::shape, [&] { track.observe(0, at.values); });
  expect_code(ErrorCode::shape, [&] { kernel_matrix(x.reshape({5, 4, 4})); });
  expect_code(ErrorCode::value, [&] {
    kernel_drift(Tensor::zeros({2, 2}, DType::f64), Tensor::eye(2, DType::f64));
  });
}

}  // namespace
}  // namespace sonde
