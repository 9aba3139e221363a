// Optimisers against trajectories computed by hand, and against their formulas written out in a
// plain loop.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "optim/adam.hpp"
#include "optim/sgd.hpp"
#include "tensor/parallel.hpp"

namespace sonde::optim {
namespace {

Tensor f64(std::initializer_list<double> values) {
  return Tensor::from<double>(values, {static_cast<std::int64_t>(values.size())});
}
// A step on f(p) = p^2 / 2, whose gradient is p.
void descend(Optimizer& optimizer, const Tensor& p) {
  optimizer.step({Var(p.clone())});
}

TEST(Sgd, PlainMomentumAndNesterovByHand) {
  Tensor p = f64({1, -2});
  Sgd plain({p}, {.lr = 0.1});
  descend(plain, p);
  EXPECT_DOUBLE_EQ(p.at({0}), 0.9);
  EXPECT_DOUBLE_EQ(p.at({1}), -1.8);

  Tensor q =
      f64({1});  // b = 1, q = .9;  b = .5 + .9 = 1.4, q = .76;  b = .7 + .76 = 1.46, q = .614
  Sgd momentum({q}, {.lr = 0.1, .momentum = 0.5});
  for (double expected : {0.9, 0.76, 0.614}) {
    descend(momentum, q);
    EXPECT_DOUBLE_EQ(q.at({0}), expected);
  }

  Tensor r = f64({1});  // b = 1, r = 1 - .1 (1 + .5) = .85;  b = .5 + .85 = 1.35, r = .85 - .1 (.85
                        // + .675) = .6975
  Sgd nesterov({r}, {.lr = 0.1, .momentum = 0.5, .nesterov = true});
  for (double expected : {0.85, 0.6975}) {
    descend(nesterov, r);
    EXPECT_DOUBLE_EQ(r.at({0}), expected);
  }
}

TEST(Sgd, WeightDecayIsAddedToTheGradient) {
  Tensor p = f64({2});
  Sgd s({p}, {.lr = 0.1, .weight_decay = 0.5});
  s.step({Var(f64({1}))});
  EXPECT_DOUBLE_EQ(p.at({0}), 2 - 0.1 * (1 + 0.5 * 2));
}

TEST(Adam, FirstStepHasTheSizeOfTheRate) {  // m / (1 - b1) = g and v / (1 - b2) = g^2
  Tensor p = f64({1, -3, 0.5});
  Adam adam({p}, {.lr = 0.01, .eps = 1e-300});
  adam.step({Var(f64({4, -1e-3, 0}))});
  EXPECT_NEAR(p.at({0}), 0.99, 1e-15);
  EXPECT_NEAR(p.at({1}), -2.99, 1e-15);
  EXPECT_DOUBLE_EQ(p.at({2}), 0.5);
}

TEST(Adam, FollowsItsFormula) {
  for (bool decoupled : {false, true}) {
    const AdamOptions o{.lr = 0.05,
                        .beta1 = 0.8,
                        .beta2 = 0.95,
                        .eps = 1e-3,
                        .weight_decay = 0.1,
                        .decoupled = decoupled};
    Tensor p = f64({1.5});
    Adam adam({p}, o);
    double x = 1.5, m = 0, v = 0;
    for (int t = 1; t <= 20; ++t) {
      const double grad = std::sin(t) + x;
      adam.step({Var(f64({std::sin(t) + p.at({0})}))});
      const double g = decoupled ? grad : grad + o.weight_decay * x;
      if (decoupled) x -= o.lr * o.weight_decay * x;
      m = o.beta1 * m + (1 - o.beta1) * g;
      v = o.beta2 * v + (1 - o.beta2) * g * g;
      x -= o.lr * (m / (1 - std::pow(o.beta1, t))) /
           (std::sqrt(v / (1 - std::pow(o.beta2, t))) + o.eps);
      ASSERT_NEAR(p.at({0}), x, 1e-13) << t;
    }
  }
}

TEST(Optimizers, LargeParametersDoNotDependOnThreads) {
  const int before = threads();
  const std::int64_t n = 100'000;
  std::vector<std::vector<float>> results;
  for (int t : {1, 2, 3}) {
    set_threads(t);
    Tensor p = Tensor::arange(n, DType::f32, -1, 2e-5), q = p.clone();
    Adam adam({p}, {.weight_decay = 0.01});
    Sgd sgd({q}, {.momentum = 0.9, .nesterov = true});
    for (int i = 0; i < 3; ++i) descend(adam, p), descend(sgd, q);
    results.push_back(p.to_vector<float>());
    const auto more = q.to_vector<float>();
    results.back().insert(results.back().end(), more.begin(), more.end());
  }
  set_threads(before);
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

TEST(Optimizers, StateRoundTripsToTheSameBits) {
  auto trajectory = [](bool interrupted) {
    Tensor p = f64({1, 2});
    auto make = [&] { return Adam({p}, {.lr = 0.1}); };
    Adam first = make();
    for (int i = 0; i < 3; ++i) descend(first, p);
    Adam second = make();
    second.load_state(first.state());
    Adam& last = interrupted ? second : first;
    for (int i = 0; i < 3; ++i) descend(last, p);
    EXPECT_EQ(last.steps(), 6);
    return p.to_vector<double>();
  };
  EXPECT_EQ(trajectory(true), trajectory(false));
}

TEST(Optimizers, BadInputIsATypedErrorAndChangesNothing) {
  Tensor p = f64({1, 2});
  Adam adam({p});
  EXPECT_THROW(adam.step({}), Error);
  EXPECT_THROW(adam.step({Var(f64({1}))}), Error);
  EXPECT_THROW(adam.step({Var(Tensor::zeros({2}))}), Error);
  EXPECT_EQ(adam.steps(), 0);
  EXPECT_EQ(p.to_vector<double>(), (std::vector<double>{1, 2}));
  adam.step({Var()});  // a gradient that is zero by structure
  EXPECT_EQ(p.to_vector<double>(), (std::vector<double>{1, 2}));
  EXPECT_THROW(adam.load_state({}), Error);
  EXPECT_THROW(Adam({p}, {.lr = -1}), Error);
  EXPECT_THROW(Adam({p}, {.lr = std::numeric_limits<double>::quiet_NaN()}), Error);
  EXPECT_THROW(Adam({p}, {.beta1 = 1}), Error);
  EXPECT_THROW(Sgd({p}, {.momentum = 1}), Error);
  EXPECT_THROW(Sgd({p}, {.nesterov = true}), Error);
  EXPECT_THROW(Sgd({Tensor::zeros({2}, DType::i64)}), Error);
  EXPECT_THROW(Sgd({Tensor::zeros({2, 2}).transpose(0, 1)}), Error);
}

TEST(Optimizers, AStepMarksTheParametersAsChanged) {
  Tensor p = f64({1, 2});
  const auto version = p.storage().version();
  Sgd({p}).step({Var(f64({1, 1}))});
  EXPECT_GT(p.storage().version(), version);
}

}  // namespace
}  // namespace sonde::optim
