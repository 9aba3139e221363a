// Optimisers against trajectories computed by hand, and against their formulas written out in a
// plain loop.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "autograd/ops.hpp"
#include "nn/linear.hpp"
#include "optim/adam.hpp"
#include "optim/rmsprop.hpp"
#include "optim/schedule.hpp"
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
                        .betas = {0.8, 0.95},
                        .eps = 1e-3,
                        .weight_decay = 0.1,
                        .decoupled_weight_decay = decoupled};
    Tensor p = f64({1.5});
    Adam adam({p}, o);
    double x = 1.5, m = 0, v = 0;
    for (int t = 1; t <= 20; ++t) {
      const double grad = std::sin(t) + x;
      adam.step({Var(f64({std::sin(t) + p.at({0})}))});
      const double g = decoupled ? grad : grad + o.weight_decay * x;
      if (decoupled) x -= o.lr * o.weight_decay * x;
      m = o.betas[0] * m + (1 - o.betas[0]) * g;
      v = o.betas[1] * v + (1 - o.betas[1]) * g * g;
      x -= o.lr * (m / (1 - std::pow(o.betas[0], t))) /
           (std::sqrt(v / (1 - std::pow(o.betas[1], t))) + o.eps);
      ASSERT_NEAR(p.at({0}), x, 1e-13) << t;
    }
  }
}

// Small, empty and large parameters together; the large one is cut among chunks.
std::vector<float> after_three_steps(int threads) {
  set_threads(threads);
  std::vector<float> out;
  for (const bool rms : {false, true}) {
    Tensors p;
    for (const std::int64_t n : {3, 0, 100'000, 17})
      p.push_back(Tensor::arange(n, DType::f32, -1, 2e-5));
    Adam adam(p, {.weight_decay = 0.01, .amsgrad = true});
    RmsProp other(p, {.momentum = 0.9, .centered = true});
    Optimizer& optimizer = rms ? static_cast<Optimizer&>(other) : adam;
    for (int i = 0; i < 3; ++i) {
      Vars grads;
      for (const Tensor& t : p) grads.push_back(t.clone());
      optimizer.step(grads);
    }
    for (const Tensor& t : p)
      for (const float v : t.to_vector<float>()) out.push_back(v);
  }
  return out;
}

TEST(Optimizers, ResultsDoNotDependOnThreads) {
  const int before = threads();
  const auto one = after_three_steps(1);
  for (int t : {2, 3}) EXPECT_EQ(after_three_steps(t), one) << t << " threads";
  set_threads(before);
}

// An element's update is the same wherever it lies among the others.
TEST(Optimizers, ResultsDoNotDependOnPlaces) {
  Tensor whole = Tensor::arange(40, DType::f32, -1, 0.05);
  Tensor one = whole.slice(0, 37, 38).clone();
  Adam a({whole}), b({one});
  for (int i = 0; i < 3; ++i) descend(a, whole), descend(b, one);
  EXPECT_EQ(whole.at({37}), one.at({0}));
}

struct TwoLayers final : nn::Module {
  TwoLayers() {
    for (const char* name : {"in", "out"}) {
      layers.push_back(std::make_unique<nn::Linear>(2, 2, philox::Key{1, layers.size()}));
      child(name, *layers.back());
    }
  }
  Var forward(nn::Context& ctx, Var x) const override {
    return (*layers[1])(ctx, (*layers[0])(ctx, x));
  }
  std::vector<std::unique_ptr<nn::Linear>> layers;
};

TEST(Groups, FirstMatchingPatternDecides) {
  const TwoLayers net;
  AdamW adam(
      net, {.lr = 0.1, .weight_decay = 0.5},
      {{"*.bias", [](auto& o) { o.weight_decay = 0; }}, {"out.*", [](auto& o) { o.lr = 0.2; }}});
  EXPECT_EQ(adam.groups(), 3u);
  const std::size_t expected[] = {0, 1, 2, 1};  // in.weight, in.bias, out.weight, out.bias
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(adam.group_of(i), expected[i]);
  EXPECT_EQ(adam.setting("weight_decay", 0), 0.5);
  EXPECT_EQ(adam.setting("weight_decay", 1), 0);
  EXPECT_EQ(adam.lr(1), 0.1);
  EXPECT_EQ(adam.lr(2), 0.2);
  apply(adam, exponential_lr(0.5), 1);
  EXPECT_EQ(adam.lr(0), 0.05);
  EXPECT_EQ(adam.lr(2), 0.1);
  EXPECT_EQ(adam.base_lr(2), 0.2);
}

TEST(Groups, MistakesAreErrors) {
  const TwoLayers net;
  auto change = [](SgdOptions& o) { o.lr = -1; };
  try {
    Sgd(net, {}, {{"uot.weight", change}});
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::names);
    EXPECT_NE(e.hint().find("out.weight"), std::string::npos) << e.hint();
  }
  EXPECT_THROW(Sgd(net, {}, {{"out.*", change}}), Error);
  Sgd sgd(net, {.lr = 0.1});
  EXPECT_THROW(sgd.set("rate", 1), Error);
  EXPECT_THROW(sgd.set_lr(-1), Error);
  EXPECT_THROW(sgd.set("momentum", 0.9), Error);  // was made without a buffer for it
  EXPECT_EQ(sgd.lr(), 0.1);
}

TEST(Optimizers, FrozenParametersAreLeftAlone) {
  TwoLayers net;
  net.freeze("in.*");
  Adam adam(net, {.lr = 0.1, .weight_decay = 1});
  const auto before = net.parameter_tensors()[0].to_vector<float>();
  const auto result = nn::value_and_grad(net, [&](nn::Context& ctx) {
    return make_vars(sum(net(ctx, Tensor::ones({1, 2}))));
  });
  adam.step(result.grads);
  EXPECT_EQ(net.parameter_tensors()[0].to_vector<float>(), before);
  EXPECT_EQ(adam.state().at("steps").to_vector<std::int64_t>(),
            (std::vector<std::int64_t>{1, 0, 0, 1, 1}));
}

TEST(Optimizers, BothFloatTypesAtOnce) {
  Tensor p = f64({1, 2}), q = Tensor::from<float>({1, 2}, {2});
  Sgd sgd({p, q}, {.lr = 0.5});
  sgd.step({Var(f64({1, 1})), Var(Tensor::ones({2}))});
  EXPECT_EQ(p.to_vector<double>(), (std::vector<double>{0.5, 1.5}));
  EXPECT_EQ(q.to_vector<double>(), (std::vector<double>{0.5, 1.5}));
}

// Six steps under a schedule, with the state passed on to another object after three.
std::vector<double> six_steps(bool interrupted) {
  Tensor p = f64({1, 2}), q = f64({-1});
  auto make = [&] {
    return std::make_unique<Adam>(Tensors{p, q}, AdamOptions{.lr = 0.1},
                                  Groups<AdamOptions>{{"1", [](auto& o) { o.lr = 0.3; }}});
  };
  auto optimizer = make();
  for (int i = 0; i < 6; ++i) {
    if (i == 3 && interrupted) {
      const NamedTensors saved = optimizer->state();
      optimizer = make();
      optimizer->load_state(saved);
    }
    if (i < 3) apply(*optimizer, cosine_annealing_lr(10), i);
    optimizer->step({Var(p.clone()), i == 0 ? Var() : Var(q.clone())});
  }
  EXPECT_EQ(optimizer->steps(), 6);
  return {p.at({0}), p.at({1}), q.at({0})};
}

TEST(Optimizers, StateRoundTripsToTheSameBits) {
  EXPECT_EQ(six_steps(true), six_steps(false));
}

TEST(Optimizers, AForeignStateIsAnErrorAndChangesNothing) {
  Tensor p = f64({1, 2});
  Adam adam({p});
  adam.step({Var(p.clone())});
  const NamedTensors own = adam.state();
  auto refused = [&](ErrorCode code, auto spoil) {
    NamedTensors state = own;
    spoil(state);
    try {
      adam.load_state(state);
      ADD_FAILURE();
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), code) << e.what();
    }
    for (const std::pair<const std::string, Tensor>& now : adam.state())
      EXPECT_EQ(now.second.to_vector<double>(), own.at(now.first).to_vector<double>());
  };
  refused(ErrorCode::names, [](auto& s) { s.erase("exp_avg.0"); });
  refused(ErrorCode::names, [](auto& s) { s.emplace("more", f64({1})); });
  refused(ErrorCode::shape, [](auto& s) { s["exp_avg.0"] = f64({1}); });
  refused(ErrorCode::dtype, [](auto& s) { s["exp_avg.0"] = Tensor::zeros({2}); });
  refused(ErrorCode::value, [](auto& s) { s["group.0.beta1"] = Tensor::scalar(2, DType::f64); });
  refused(ErrorCode::value, [](auto& s) { s["steps"] = Tensor::from<std::int64_t>({-1, 1}, {2}); });
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
  EXPECT_THROW(Adam({p}, {.betas = {1, 0.9}}), Error);
  EXPECT_THROW(Sgd({p}, {.momentum = -1}), Error);
  EXPECT_THROW(Sgd({p}, {.nesterov = true}), Error);
  EXPECT_THROW(Sgd({p}, {.momentum = 0.9, .dampening = 0.1, .nesterov = true}), Error);
  EXPECT_THROW(RmsProp({p}, {.alpha = -1}), Error);
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
