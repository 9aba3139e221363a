// Optimisers, schedules and clipping against fifty steps of PyTorch's.
#include <functional>

#include "autograd/ops.hpp"
#include "optim/adam.hpp"
#include "optim/clip.hpp"
#include "optim/lbfgs.hpp"
#include "optim/rmsprop.hpp"
#include "optim/schedule.hpp"
#include "optim/sgd.hpp"
#include "tests/parity/formula.hpp"

namespace sonde::optim {
namespace {

using testing::Fixture, testing::uniform_values;

constexpr std::int64_t steps = 50, late_steps = 5;
constexpr double tolerance = 1e-9, single_tolerance = 1e-5;  // in f64, in f32
constexpr const char* names[] = {"w", "b"};
const Dims shapes[] = {{3, 5}, {7}};

const Fixture& fixture() {
  static const Fixture f("optim");
  return f;
}

bool stored(std::int64_t t) {
  return t == 1 || t == 10 || t == 50;
}

struct Model final : nn::Module {
  Model() {
    for (int i : {0, 1}) parameter(names[i], uniform_values(names[i], shapes[i]));
  }
  Var forward(nn::Context&, Var x) const override { return x; }
};

// Fifty steps along uniform + p / 2, compared with what is stored.
void follow(const std::string& key, const Model& model, Optimizer& optimizer, bool late = false,
            const std::function<void(std::int64_t)>& before_step = {}) {
  const Tensors parameters = model.parameter_tensors();
  const DType dtype = parameters[0].dtype();
  for (std::int64_t t = 1; t <= steps; ++t) {
    Vars grads;
    for (std::size_t i : {0u, 1u}) {
      const Var noise = uniform_values(fmt::format("g.{}.{}", names[i], t), shapes[i]).to(dtype);
      grads.push_back(late && i == 1 && t <= late_steps ? Var() : noise + Var(parameters[i]) * 0.5);
    }
    if (before_step) before_step(t - 1);
    optimizer.step(grads);
    for (std::size_t i : {0u, 1u})
      if (stored(t))
        fixture().expect_near(fmt::format("{}.{}.{}", key, t, names[i]), parameters[i],
                              dtype == DType::f64 ? tolerance : single_tolerance);
  }
}

template <class O>
void expect_parity(const std::string& key, const typename O::Options& options, bool late = false) {
  for (const DType dtype : {DType::f64, DType::f32}) {
    SCOPED_TRACE(dtype == DType::f64 ? "f64" : "f32");
    Model model;
    model.convert(dtype);
    O optimizer(model, options);
    follow(key, model, optimizer, late);
  }
}

TEST(ParityOptim, Sgd) {
  expect_parity<Sgd>("sgd", {});
  expect_parity<Sgd>("sgd_decay", {.lr = 0.05, .weight_decay = 0.1, .maximize = true});
  expect_parity<Sgd>("sgd_momentum",
                     {.lr = 0.05, .momentum = 0.9, .dampening = 0.3, .weight_decay = 0.1});
  expect_parity<Sgd>("sgd_nesterov", {.lr = 0.05, .momentum = 0.8, .nesterov = true});
  expect_parity<Sgd>("sgd_late", {.lr = 0.05, .momentum = 0.9, .dampening = 0.3}, true);
}

TEST(ParityOptim, Adam) {
  expect_parity<Adam>("adam", {});
  expect_parity<Adam>(
      "adam_options",
      {.lr = 0.02, .betas = {0.8, 0.95}, .eps = 1e-3, .weight_decay = 0.1, .maximize = true});
  expect_parity<Adam>("adam_amsgrad", {.lr = 0.02, .betas = {0.5, 0.7}, .amsgrad = true});
  expect_parity<Adam>("adam_late", {.lr = 0.02}, true);
}

TEST(ParityOptim, AdamW) {
  expect_parity<AdamW>("adamw", {});
  expect_parity<AdamW>("adamw_options",
                       {.lr = 0.02, .betas = {0.8, 0.95}, .weight_decay = 0.3, .amsgrad = true});
  const Model model;
  AdamW groups(model, {.lr = 0.02, .weight_decay = 0.3}, {{"b", [](AdamOptions& o) {
                                                             o.lr = 0.05;
                                                             o.weight_decay = 0;
                                                           }}});
  follow("adamw_groups", model, groups);
}

TEST(ParityOptim, RmsProp) {
  expect_parity<RmsProp>("rmsprop", {});
  expect_parity<RmsProp>(
      "rmsprop_options",
      {.lr = 0.02, .alpha = 0.9, .eps = 1e-3, .weight_decay = 0.1, .maximize = true});
  expect_parity<RmsProp>("rmsprop_momentum", {.momentum = 0.7});
  expect_parity<RmsProp>("rmsprop_centered", {.centered = true});
  expect_parity<RmsProp>("rmsprop_all",
                         {.lr = 5e-3, .weight_decay = 0.1, .momentum = 0.5, .centered = true});
}

TEST(ParityOptim, SchedulesAtWork) {
  const Model first;
  Sgd sgd(first, {.lr = 0.1, .momentum = 0.9});
  follow("sgd_cosine", first, sgd, false,
         [&](std::int64_t t) { apply(sgd, cosine_annealing_lr(20), t); });

  const Model second;
  Adam adam(second, {.lr = 0.1}, {{"b", [](AdamOptions& o) { o.lr = 0.02; }}});
  const OneCycleOptions cycle{.total_steps = 60};
  follow("adam_one_cycle", second, adam, false, [&](std::int64_t t) {
    apply(adam, one_cycle_lr(cycle), t);
    adam.set("beta1", one_cycle_momentum(cycle)(t));
  });
}

Var quartic(const Var& x) {
  const Var k = Tensor::arange(x.numel(), DType::f64, 1);
  return sum(k * x * x * 0.5 + x * x * x * x * 0.25 + Var(uniform_values("c", x.shape())) * x);
}

Var rosenbrock(const Var& x) {
  const Var low = slice(x, 0, 0, -1), high = slice(x, 0, 1, {});
  return sum(square(high - low * low) * 100 + square(1 - low));
}

void expect_lbfgs(const std::string& key, const std::function<Var(const Var&)>& f,
                  const LbfgsOptions& options) {
  const Tensor x = uniform_values("x", {6});
  Lbfgs optimizer({x}, options);
  std::vector<double> losses;
  for (std::int64_t t = 1; t <= steps; ++t) {
    losses.push_back(optimizer.step([&] {
      const ValueAndGrad r =
          value_and_grad([&](const Vars& v) { return make_vars(f(v[0])); }, make_vars(x));
      return Evaluation{r.value.item(), r.grads};
    }));
    if (stored(t)) fixture().expect_near(fmt::format("{}.{}.x", key, t), x, tolerance);
  }
  fixture().expect_near(key + ".losses", Tensor::from<double>(losses, {steps}), tolerance);
}

TEST(ParityOptim, Lbfgs) {
  expect_lbfgs("lbfgs", quartic, {.lr = 0.1, .max_iter = 2, .max_eval = 5});
  expect_lbfgs("lbfgs_short", quartic,
               {.lr = 0.3, .max_iter = 3, .max_eval = 3, .history_size = 2});
  expect_lbfgs("lbfgs_wolfe", rosenbrock,
               {.max_iter = 2, .max_eval = 25, .line_search_fn = LineSearch::strong_wolfe});
  expect_lbfgs("lbfgs_whole", rosenbrock,
               {.history_size = 4, .line_search_fn = LineSearch::strong_wolfe});
  expect_lbfgs("lbfgs_ascent", [](const Var& x) { return -rosenbrock(x); },
               {.max_iter = 4, .line_search_fn = LineSearch::strong_wolfe, .maximize = true});
}

void expect_rates(const std::string& key, const std::function<double(std::int64_t)>& rate) {
  std::vector<double> rates;
  for (std::int64_t t = 0; t < steps; ++t) rates.push_back(rate(t));
  fixture().expect_near(key, Tensor::from<double>(rates, {steps}), tolerance);
}

TEST(ParityOptim, Schedules) {
  using enum OneCycleOptions::Anneal;
  const OneCycleOptions cycle{.total_steps = 50}, other{.total_steps = 55,
                                                        .pct_start = 0.2,
                                                        .anneal_strategy = linear,
                                                        .base_momentum = 0.5,
                                                        .max_momentum = 0.9,
                                                        .div_factor = 10,
                                                        .final_div_factor = 100,
                                                        .three_phase = true};
  const std::pair<const char*, Schedule> all[] = {
      {"constant", constant_lr()},
      {"constant_options", constant_lr(0.5, 17)},
      {"step", step_lr(7)},
      {"step_options", step_lr(12, 0.6)},
      {"multi_step", multi_step_lr({5, 20, 20, 33})},
      {"exponential", exponential_lr(0.93)},
      {"linear", linear_lr()},
      {"linear_options", linear_lr(0.2, 0.7, 31)},
      {"cosine", cosine_annealing_lr(20)},
      {"cosine_options", cosine_annealing_lr(49, 0.013)},
      {"one_cycle", one_cycle_lr(cycle)},
      {"one_cycle_options", one_cycle_lr(other)},
      {"warm_cosine", warm_up(10, cosine_annealing_lr(40))},
      {"warm_step", warm_up(4, step_lr(9), 0.01)},
  };
  for (const auto& [key, schedule] : all)
    expect_rates(std::string("schedule.") + key, [&](std::int64_t t) { return schedule(0.1, t); });
  expect_rates("momentum.one_cycle", one_cycle_momentum(cycle));
  expect_rates("momentum.one_cycle_options", one_cycle_momentum(other));
}

Vars first_grads() {
  Vars grads;
  for (int i : {0, 1}) grads.push_back(uniform_values(fmt::format("g.{}.1", names[i]), shapes[i]));
  return grads;
}

void expect_grads(const std::string& key, const Vars& grads) {
  for (std::size_t i : {0u, 1u}) fixture().expect_near(key + "." + names[i], grads[i], tolerance);
}

TEST(ParityOptim, Clipping) {
  for (const auto& [key, max_norm] : {std::pair{"clip_norm", 0.75}, {"clip_loose", 100.0}}) {
    Vars grads = first_grads();
    const double norm = clip_grad_norm(grads, max_norm);
    fixture().expect_near(std::string(key) + ".norm", Tensor::scalar(norm, DType::f64), tolerance);
    expect_grads(key, grads);
  }
  Vars grads = first_grads();
  clip_grad_value(grads, 0.3);
  expect_grads("clip_value", grads);
}

}  // namespace
}  // namespace sonde::optim
