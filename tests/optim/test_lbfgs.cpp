// L-BFGS on functions whose minimum is known, its state, and what it refuses.
#include "optim/lbfgs.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "autograd/ops.hpp"
#include "autograd/transforms.hpp"
#include "optim/line_search.hpp"
#include "optim/schedule.hpp"

namespace sonde::optim {
namespace {

// Sum of (i + 1) (x_i - 1)^2 / 2.
Evaluation bowl(const Tensor& x) {
  const ValueAndGrad r = value_and_grad(
      [&](const Vars& v) {
        const Var k = Tensor::arange(x.numel(), x.dtype(), 1);
        return make_vars(sum(k * square(v[0] - 1)) * 0.5);
      },
      make_vars(x));
  return {r.value.item(), r.grads};
}

TEST(Lbfgs, FindsTheMinimumOfAQuadratic) {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor x = Tensor::zeros({5}, dtype);
    Lbfgs optimizer({x}, {.tolerance_change = 0, .line_search_fn = LineSearch::strong_wolfe});
    EXPECT_DOUBLE_EQ(optimizer.step([&] { return bowl(x); }), 7.5);
    for (const double v : x.to_vector<double>())
      EXPECT_NEAR(v, 1, dtype == DType::f32 ? 1e-4 : 1e-6);
    EXPECT_LE(optimizer.evaluations(), 25);
  }
}

TEST(Lbfgs, StateRoundTripsToTheSameBits) {
  auto trajectory = [](bool interrupted) {
    const Tensor x = Tensor::zeros({4}, DType::f64);
    const LbfgsOptions o{.lr = 0.3, .max_iter = 2, .max_eval = 3, .history_size = 3};
    Lbfgs first({x}, o), second({x}, o);
    auto f = [&] { return bowl(x); };
    for (int i = 0; i < 3; ++i) first.step(f);
    first.set_lr(0.4);
    second.load_state(first.state());
    Lbfgs& last = interrupted ? second : first;
    for (int i = 0; i < 2; ++i) last.step(f);
    EXPECT_EQ(last.iterations(), 10);
    EXPECT_EQ(last.evaluations(), 10);
    return x.to_vector<double>();
  };
  EXPECT_EQ(trajectory(true), trajectory(false));
}

TEST(Lbfgs, ParametersWithoutGradientStay) {
  const Tensor x = Tensor::zeros({3}, DType::f64), frozen = Tensor::full({2}, 7.0, DType::f64);
  Lbfgs optimizer({frozen, x});
  optimizer.step([&] {
    Evaluation e = bowl(x);
    return Evaluation{e.loss, make_vars(Var(), e.grads[0])};
  });
  EXPECT_EQ(frozen.to_vector<double>(), (std::vector<double>{7, 7}));
  EXPECT_GT(x.at({0}), 0.1);
}

TEST(Lbfgs, BadInputIsATypedError) {
  const Tensor x = Tensor::zeros({3}, DType::f64);
  EXPECT_THROW(Lbfgs({x}, {.max_iter = 0}), Error);
  EXPECT_THROW(Lbfgs({x}, {.lr = std::nan("")}), Error);
  EXPECT_THROW(Lbfgs(Tensors{}), Error);
  EXPECT_THROW(Lbfgs({x, Tensor::zeros({1})}), Error);
  Lbfgs optimizer({x});
  EXPECT_THROW(optimizer.step([] { return Evaluation{}; }), Error);
  EXPECT_THROW(optimizer.load_state({}), Error);
  NamedTensors state = optimizer.state();
  state["counts"] = Tensor::from<std::int64_t>({1, 1, 0}, {3});
  EXPECT_THROW(optimizer.load_state(state), Error);  // no direction
}

// A one-dimensional function as a search along the direction 1.
template <class F>
LineSearchResult search(F&& f, double first) {
  auto at = [&](double t) {
    const auto [value, slope] = f(t);
    return Trial{t, value, Tensor::scalar(slope, DType::f64), slope};
  };
  return strong_wolfe(at, at(0), first, 1);
}

TEST(LineSearch, MeetsWolfesConditions) {
  auto f = [](double t) {  // a valley behind a ripple
    return std::pair{0.1 * t * t - t + 0.3 * std::sin(3 * t), 0.2 * t - 1 + 0.9 * std::cos(3 * t)};
  };
  for (const double first : {1e-3, 0.1, 1.0, 30.0}) {
    const Trial best = search(f, first).best;
    const auto [value0, slope0] = f(0);
    EXPECT_LE(best.value, value0 + 1e-4 * best.t * slope0) << first;
    EXPECT_LE(std::abs(best.slope), 0.9 * std::abs(slope0)) << first;
    EXPECT_EQ(best.value, f(best.t).first);
  }
}

TEST(LineSearch, CubicStepFindsTheMinimumOfAParabola) {
  const LineSearchResult found = search(
      [](double t) {
        return std::pair{(t - 2) * (t - 2), 2 * (t - 2)};
      },
      10);
  EXPECT_NEAR(found.best.t, 2, 1e-12);
  EXPECT_EQ(found.evaluations, 2);
}

TEST(Schedules, BadSettingsAreErrors) {
  EXPECT_THROW(step_lr(0), Error);
  EXPECT_THROW(exponential_lr(-1), Error);
  EXPECT_THROW(multi_step_lr({3, 1}), Error);
  EXPECT_THROW(cosine_annealing_lr(0), Error);
  EXPECT_THROW(one_cycle_lr({}), Error);
  EXPECT_THROW(one_cycle_lr({.total_steps = 5})(0.1, 6), Error);
  EXPECT_THROW(warm_up(0, constant_lr()), Error);
}

}  // namespace
}  // namespace sonde::optim
