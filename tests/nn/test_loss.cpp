// Losses: closed forms, limits, errors, derivatives. Numbers in general are compared with PyTorch's
// in test_parity_losses.
#include "nn/loss.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "autograd/observe.hpp"
#include "autograd/ops.hpp"
#include "autograd/transforms.hpp"
#include "tests/nn/expect_code.hpp"

namespace sonde::nn {
namespace {

using sonde::testing::expect_code;

Tensor f64(std::initializer_list<double> values, const Dims& shape) {
  return Tensor::from<double>(values, shape);
}
Tensor i64(std::initializer_list<std::int64_t> values) {
  return Tensor::from<std::int64_t>(values, {static_cast<std::int64_t>(values.size())});
}
std::vector<double> values(const Var& v) {
  return v.tensor().to_vector<double>();
}

TEST(Loss, ClosedForms) {
  const Var x = f64({1, 2, 5}, {3}), y = f64({0, 4, 5}, {3});
  EXPECT_EQ(mse_loss(x, y).item(), 5.0 / 3);
  EXPECT_EQ(l1_loss(x, y, Reduction::sum).item(), 3);
  EXPECT_EQ(values(huber_loss(x, y, Reduction::none, 1.5)), (std::vector<double>{0.5, 1.875, 0}));
  EXPECT_EQ(values(smooth_l1_loss(x, y, Reduction::none, 0.5)),
            (std::vector<double>{0.75, 1.75, 0}));
  const Var half = f64({std::log(0.5), std::log(0.5)}, {1, 2});
  EXPECT_DOUBLE_EQ(nll_loss(half, i64({1})).item(), std::log(2));
  // one certain class against an even chance: log 2
  EXPECT_DOUBLE_EQ(kl_div(half, f64({1, 0}, {1, 2}), {.reduction = KlReduction::batch_mean}).item(),
                   std::log(2));
}

TEST(Loss, BinaryCrossEntropyHoldsFarOut) {
  const Var x = f64({1000, -1000, 1000, -1000, 0, 30, -30}, {7}),
            y = f64({1, 0, 0, 1, 1, 1, 1}, {7});
  const auto loss = values(binary_cross_entropy_with_logits(x, y, {.reduction = Reduction::none}));
  const std::vector<double> expected{
      0, 0, 1000, 1000, std::log(2), std::log1p(std::exp(-30)), 30 + std::log1p(std::exp(-30))};
  for (std::size_t i = 0; i < loss.size(); ++i)
    EXPECT_NEAR(loss[i], expected[i], 1e-15 * expected[i]) << i;
  const Var g = grad([&](const Var& v) {
    return binary_cross_entropy_with_logits(v, y, {.reduction = Reduction::sum});
  })(x);
  EXPECT_EQ(values(slice(g, 0, 0, 5)), (std::vector<double>{0, 0, 1, -1, -0.5}));
}

TEST(Loss, MeanOfNothingIsNan) {
  const Var x = f64({1, 2, 3, 4}, {2, 2});
  const Var weight = Tensor::ones({2}, DType::f64), ignored = i64({-100, -100});
  EXPECT_TRUE(std::isnan(nll_loss(x, ignored).item()));
  EXPECT_TRUE(std::isnan(cross_entropy(x, ignored).item()));
  EXPECT_TRUE(std::isnan(cross_entropy(x, ignored, {.weight = weight}).item()));
  EXPECT_EQ(nll_loss(x, ignored, {.reduction = Reduction::sum}).item(), 0);
  EXPECT_TRUE(std::isnan(mse_loss(Tensor::zeros({0}), Tensor::zeros({0})).item()));
}

TEST(Loss, AnIgnoredRowMayHoldAnything) {
  const double inf = std::numeric_limits<double>::infinity();
  const Var x = f64({-inf, -inf, -1, -2}, {2, 2}), y = i64({-100, 1});
  EXPECT_EQ(nll_loss(x, y).item(), 2);
  const Function f = [&](const Var& v) { return nll_loss(v, y); };
  EXPECT_EQ(values(grad(f)(make_vars(x))[0]), (std::vector<double>{0, 0, 0, -1}));
}

TEST(Loss, LabelsOutOfRangeAreErrors) {
  const Var x = Tensor::zeros({2, 3});
  const Var weight = Tensor::ones({3});
  for (const std::int64_t bad : {3, -1, -99}) {
    const Var labels = i64({0, bad});
    expect_code(ErrorCode::value, [&] { cross_entropy(x, labels); });
    expect_code(ErrorCode::value, [&] { cross_entropy(x, labels, {.weight = weight}); });
    expect_code(ErrorCode::value,
                [&] { cross_entropy(x, labels, {.weight = weight, .label_smoothing = 0.1}); });
    expect_code(ErrorCode::axis, [&] { nll_loss(x, labels); });
    expect_code(ErrorCode::axis, [&] { nll_loss(x, labels, {.weight = weight}); });
  }
}

TEST(Loss, BadInputIsAnError) {
  const Var x = Tensor::zeros({2, 3}), wide = Tensor::zeros({2, 1}), labels = i64({0, 1});
  const Var weight = Tensor::ones({2});
  expect_code(ErrorCode::shape, [&] { mse_loss(x, wide); });
  expect_code(ErrorCode::shape, [&] { l1_loss(x, wide); });
  expect_code(ErrorCode::shape, [&] { huber_loss(x, wide); });
  expect_code(ErrorCode::shape, [&] { smooth_l1_loss(x, wide); });
  expect_code(ErrorCode::shape, [&] { smooth_l1_loss(x, wide, Reduction::mean, 0); });
  expect_code(ErrorCode::shape, [&] { binary_cross_entropy_with_logits(x, wide); });
  expect_code(ErrorCode::shape, [&] { kl_div(x, wide); });
  expect_code(ErrorCode::dtype, [&] { mse_loss(x, Tensor::zeros({2, 3}, DType::f64)); });
  expect_code(ErrorCode::value, [&] { huber_loss(x, x, Reduction::mean, 0); });
  expect_code(ErrorCode::value, [&] { smooth_l1_loss(x, x, Reduction::mean, -1); });
  expect_code(ErrorCode::broadcast, [&] {
    binary_cross_entropy_with_logits(x, x, {.weight = Tensor::ones({2, 2, 3})});
  });
  expect_code(ErrorCode::broadcast,
              [&] { binary_cross_entropy_with_logits(x, x, {.pos_weight = Tensor::ones({2})}); });
  expect_code(ErrorCode::shape, [&] { nll_loss(x, i64({0, 1, 2})); });
  expect_code(ErrorCode::dtype, [&] { nll_loss(x, Tensor::zeros({2})); });
  expect_code(ErrorCode::shape, [&] { nll_loss(x, labels, {.weight = weight}); });
  expect_code(ErrorCode::shape, [&] { cross_entropy(x, labels, {.weight = weight}); });
  expect_code(ErrorCode::shape, [&] {
    cross_entropy(x, i64({0, 1, 2}), {.weight = Tensor::ones({3})});
  });
  expect_code(ErrorCode::shape, [&] { cross_entropy(x, wide, {.weight = Tensor::ones({3})}); });
  for (const Var& w : {Var(), Var(Tensor::ones({3}))})
    expect_code(ErrorCode::value,
                [&] { cross_entropy(x, labels, {.weight = w, .label_smoothing = 1.5}); });
}

TEST(Loss, ErrorsNameTheCallersLine) {
  try {
    mse_loss(Tensor::zeros({2}), Tensor::zeros({3}));
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(e.file().find("test_loss.cpp"), std::string::npos) << e.what();
  }
}

// Second derivatives, and lanes of samples against a loop.
TEST(Loss, DerivativesAgreeInAllModes) {
  const std::int64_t loops = counters().loop_fallbacks;
  const Var x = f64({0.3, -0.8, 1.2, 0.5, -0.1, 2.4}, {2, 3}),
            v = f64({1, 2, -1, 0.5, 3, 1}, {2, 3}),
            soft = f64({0.2, 0.7, 0.1, 0.5, 0.25, 0.25}, {2, 3}), weight = f64({1, 2, 0.5}, {3});
  const Var labels = i64({2, 0});
  const std::vector<std::pair<std::function<Var(const Var&, const Var&)>, Var>> losses = {
      {[&](const Var& a, const Var& t) {
         return cross_entropy(a, t, {.weight = weight, .label_smoothing = 0.1});
       },
       labels},
      {[&](const Var& a, const Var& t) {
         return cross_entropy(a, t, {.weight = weight, .label_smoothing = 0.1});
       },
       soft},
      {[&](const Var& a, const Var& t) { return nll_loss(tanh(a), t, {.weight = weight}); },
       labels},
      {[&](const Var& a, const Var& t) {
         return binary_cross_entropy_with_logits(a, t, {.weight = weight, .pos_weight = weight});
       },
       soft},
      {[](const Var& a, const Var& t) { return mse_loss(a, t); }, soft},
      {[](const Var& a, const Var& t) { return l1_loss(tanh(a), t); }, soft},
      {[](const Var& a, const Var& t) { return huber_loss(tanh(a), t); }, soft},
      {[](const Var& a, const Var& t) { return smooth_l1_loss(a, t, Reduction::mean, 0.5); }, soft},
      {[](const Var& a, const Var& t) { return kl_div(log_softmax(a, 1), t); }, soft},
      {[](const Var& a, const Var& t) { return kl_div(a, t, {.log_target = true}); }, soft}};
  for (std::size_t i = 0; i < losses.size(); ++i) {
    const auto& [loss, target] = losses[i];
    const Function of_x = [&, t = target](const Var& a) { return losses[i].first(a, t); };
    const Vars rr = hvp(of_x, make_vars(x), make_vars(v), HvpMode::reverse_over_reverse);
    for (const HvpMode mode : {HvpMode::forward_over_reverse, HvpMode::reverse_over_forward})
      EXPECT_TRUE(allclose(hvp(of_x, make_vars(x), make_vars(v), mode)[0], rr[0], 1e-12, 1e-14))
          << i;
    const Function sample_grad = grad(
        [&](const Vars& in) { return losses[i].first(unsqueeze(in[0], 0), unsqueeze(in[1], 0)); },
        {0});
    const Var lanes = vmap(sample_grad)(make_vars(x, target))[0];
    for (std::int64_t n = 0; n < 2; ++n)
      EXPECT_TRUE(allclose(select(lanes, 0, n),
                           sample_grad(make_vars(select(x, 0, n), select(target, 0, n)))[0], 1e-12,
                           1e-14))
          << i;
  }
  EXPECT_EQ(counters().loop_fallbacks, loops);
}

}  // namespace
}  // namespace sonde::nn
