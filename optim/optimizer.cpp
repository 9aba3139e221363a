#include "optim/optimizer.hpp"

#include <algorithm>

namespace sonde::optim {
namespace {

std::string setting_name(std::size_t group, std::string_view name) {
  return fmt::format("group.{}.{}", group, name);
}

Tensor f64_scalar(double value) {
  return Tensor::scalar(value, DType::f64);
}

double number(const NamedTensors& state, const std::string& name) {
  return find_state(state, name, {{}, DType::f64}).item();
}

}  // namespace

Optimizer::Optimizer(const Parameters& parameters, const std::vector<std::string>& patterns)
    : named_(parameters), base_lr_(patterns.size() + 1) {
  const std::vector<std::size_t> groups = parameters.assign(patterns);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    parameters_.push_back({parameters[i].name, groups[i], 0});
    tensors_.push_back({.parameter = parameters[i].value, .grad = {}, .state = {}});
  }
}

void Optimizer::make_state() {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const StateKinds names = kinds(parameters_[i].group);
    const Spec& spec = tensors_[i].parameter.spec();
    for (std::size_t k = 0; k < names.size(); ++k)
      if (!names[k].empty())
        tensors_[i].state[k] = Tensor::zeros(spec.shape, spec.dtype, spec.device);
  }
  for (std::size_t g = 0; g < groups(); ++g) base_lr_[g] = lr(g);
}

bool Optimizer::has(DType dtype) const {
  return std::ranges::any_of(
      tensors_, [&](const kernels::ParameterStep& t) { return t.parameter.dtype() == dtype; });
}

void Optimizer::step(const Vars& grads) {
  std::vector<Tensor> plain = named_.checked(grads);
  ++steps_;
  for (std::size_t i = 0; i < plain.size(); ++i) {
    if (plain[i]) ++parameters_[i].steps;
    tensors_[i].grad = std::move(plain[i]);
  }
  update();
  for (kernels::ParameterStep& t : tensors_) t.grad = {};
}

double Optimizer::setting(std::string_view name, std::size_t group) const {
  double out = 0;
  bool found = false;
  visit_settings(group, [&](std::string_view own, double& value) {
    if (own == name) out = value, found = true;
  });
  if (!found) fail(ErrorCode::names, "optimizer", "there is no setting '{}'", name);
  return out;
}

void Optimizer::set(std::string_view name, double value, std::size_t group) {
  (void)setting(name, group);
  set_settings([&](std::size_t g, std::string_view own) {
    return g == group && own == name ? value : setting(own, g);
  });
}

void Optimizer::set(std::string_view name, double value) {
  (void)setting(name);
  set_settings(
      [&](std::size_t g, std::string_view own) { return own == name ? value : setting(own, g); });
}

// Calls f(name, tensor) for every state tensor.
template <class F>
void Optimizer::for_each_state(F&& f) const {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const StateKinds names = kinds(parameters_[i].group);
    for (std::size_t k = 0; k < names.size(); ++k)
      if (!names[k].empty())
        f(fmt::format("{}.{}", names[k], parameters_[i].name), tensors_[i].state[k]);
  }
}

NamedTensors Optimizer::state() const {
  std::vector<std::int64_t> steps{steps_};
  for (const Parameter& p : parameters_) steps.push_back(p.steps);
  NamedTensors out{
      {"steps", Tensor::from<std::int64_t>(steps, {static_cast<std::int64_t>(steps.size())})}};
  for (std::size_t g = 0; g < groups(); ++g) {
    visit_settings(g, [&](std::string_view name, double& value) {
      out.emplace(setting_name(g, name), f64_scalar(value));
    });
    out.emplace(setting_name(g, "base_lr"), f64_scalar(base_lr_[g]));
  }
  for_each_state([&](std::string name, const Tensor& t) { out.emplace(name, t.clone()); });
  return out;
}

void Optimizer::load_state(const NamedTensors& state) {
  const auto count = static_cast<std::int64_t>(parameters_.size()) + 1;
  const auto steps = find_state(state, "steps", {{count}, DType::i64}).to_vector<std::int64_t>();
  if (std::ranges::any_of(steps, [](std::int64_t s) { return s < 0; }))
    fail(ErrorCode::value, "load_state", "a number of steps is negative");
  std::size_t expected = 1 + groups();
  for_each_state([&](const std::string& name, const Tensor& t) {
    ++expected;
    find_state(state, name, t.spec());
  });
  std::vector<double> base_lr;
  for (std::size_t g = 0; g < groups(); ++g) {
    base_lr.push_back(number(state, setting_name(g, "base_lr")));
    visit_settings(g, [&](std::string_view, double&) { ++expected; });
  }
  if (state.size() != expected)
    fail(ErrorCode::names, "load_state", "{} tensors, expected {}", state.size(), expected);
  set_settings(
      [&](std::size_t g, std::string_view name) { return number(state, setting_name(g, name)); });
  for_each_state([&](const std::string& name, Tensor t) { t.copy_from(state.at(name)); });
  base_lr_ = std::move(base_lr);
  steps_ = steps[0];
  for (std::size_t i = 0; i < parameters_.size(); ++i) parameters_[i].steps = steps[i + 1];
}

}  // namespace sonde::optim
