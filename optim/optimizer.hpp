/// @file
/// Optimisers change parameter Tensors in place, outside any transform.
#pragma once

#include <functional>

#include "optim/parameters.hpp"
#include "tensor/kernels/optim.hpp"

namespace sonde::optim {

/// Names of the up to three state tensors of a parameter, by their places in the kernel; empty: not
/// kept.
using StateKinds = std::array<std::string_view, 3>;

/// Gets each number of a group's options, by name.
using SettingVisitor = std::function<void(std::string_view name, double& value)>;

/// Base of all optimisers that take gradients: parameters in groups, the state of each, and the
/// number of steps. What an optimiser is made of (groups, kinds of state) stays; the numbers in its
/// groups' options may change between steps.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// One step along `grads`, one for each parameter, of its shape and dtype. An empty one (a frozen
  /// parameter) leaves parameter and state as they are. Errors of Parameters::checked; then nothing
  /// has changed.
  void step(const Vars& grads);
  std::int64_t steps() const { return steps_; }

  /// Group 0 has the parameters that no pattern matched.
  std::size_t groups() const { return base_lr_.size(); }
  std::size_t group_of(std::size_t parameter) const { return parameters_[parameter].group; }

  /// A number of a group's options, "lr" or "weight_decay"; betas are "beta1" and "beta2".
  /// Error(names) if there is none of that name.
  double setting(std::string_view name, std::size_t group = 0) const;
  /// Changes it, in one group or in all. Error(names, value); then nothing has changed.
  void set(std::string_view name, double value, std::size_t group);
  void set(std::string_view name, double value);

  double lr(std::size_t group = 0) const { return setting("lr", group); }
  void set_lr(double lr) { set("lr", lr); }
  /// The learning rate that the group was made with, from which schedules compute.
  double base_lr(std::size_t group = 0) const { return base_lr_[group]; }

  /// Copies of everything that changes: "<kind>.<parameter>" (the kinds have PyTorch's names),
  /// "group.<index>.<setting>" and ".base_lr" (f64), "steps" (i64: of the optimiser, then of each
  /// parameter).
  NamedTensors state() const;
  /// Restores state(). Error(names, shape, dtype, value) if it is not one of such an optimiser;
  /// then nothing has changed.
  void load_state(const NamedTensors& state);

 protected:
  /// A number for each group and setting.
  using Settings = std::function<double(std::size_t group, std::string_view name)>;

  Optimizer(const Parameters& parameters, const std::vector<std::string>& patterns);
  /// To be called once by the constructor of the class that knows the options: makes the state.
  void make_state();

  virtual StateKinds kinds(std::size_t group) const = 0;
  virtual void visit_settings(std::size_t group, const SettingVisitor& visit) const = 0;
  virtual void set_settings(const Settings& value) = 0;
  /// Runs the kernel on the parameters that have gradients.
  virtual void update() = 0;

  /// Calls `slot` with the coefficients that `make(group, t)` gives the t-th step of a parameter.
  template <class C, class Make>
  void run(Kernel<kernels::OptimizerStep<C>>& slot, const Make& make);

 private:
  struct Parameter {
    std::string name;
    std::size_t group;
    std::int64_t steps;
  };
  bool has(DType dtype) const;
  template <class F>
  void for_each_state(F&& f) const;

  std::vector<Parameter> parameters_;
  std::vector<kernels::ParameterStep> tensors_;  // of the same parameters
  Parameters named_;
  std::vector<double> base_lr_;
  std::int64_t steps_ = 0;
};

template <class C, class Make>
void Optimizer::run(Kernel<kernels::OptimizerStep<C>>& slot, const Make& make) {
  std::vector<C> coefficients;
  const Parameter* last = nullptr;  // most parameters have the group and the age of the one before
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (!tensors_[i].grad) continue;
    const Parameter& p = parameters_[i];
    if (!last || last->group != p.group || last->steps != p.steps)
      coefficients.push_back(make(p.group, p.steps));
    last = &p;
    tensors_[i].coefficients = coefficients.size() - 1;
  }
  for (const DType dtype : {DType::f32, DType::f64})
    if (has(dtype)) slot.find(named_.device(), dtype)(tensors_, coefficients);
}

/// Parameters whose names match a pattern, and how their options differ from the others':
/// {"*.bias", [](auto& o) { o.weight_decay = 0; }}.
template <class Options>
struct Group {
  std::string pattern;
  std::function<void(Options&)> change;
};
template <class Options>
using Groups = std::vector<Group<Options>>;

/// An Optimizer with options of this type for each group. An Options has check(), which throws
/// Error(value), kinds() and visit().
template <class Options>
class GroupedOptimizer : public Optimizer {
 public:
  const Options& options(std::size_t group = 0) const { return options_.at(group); }

 protected:
  GroupedOptimizer(const Parameters& parameters, const Options& options,
                   const Groups<Options>& groups)
      : Optimizer(parameters, patterns(groups)), options_(groups.size() + 1, options) {
    for (std::size_t g = 0; g < groups.size(); ++g) groups[g].change(options_[g + 1]);
    for (const Options& o : options_) o.check();
    make_state();
  }

  StateKinds kinds(std::size_t group) const final { return options(group).kinds(); }
  void visit_settings(std::size_t group, const SettingVisitor& visit) const final {
    Options copy = options(group);
    copy.visit(visit);
  }
  void set_settings(const Settings& value) final {
    std::vector<Options> next = options_;
    for (std::size_t g = 0; g < next.size(); ++g) {
      next[g].visit([&](std::string_view name, double& number) { number = value(g, name); });
      next[g].check();
      if (next[g].kinds() != options_[g].kinds())
        fail(ErrorCode::value, "optimizer", "group {} would need other state", g);
    }
    options_ = std::move(next);
  }

 private:
  static std::vector<std::string> patterns(const Groups<Options>& groups) {
    std::vector<std::string> out;
    for (const Group<Options>& g : groups) out.push_back(g.pattern);
    return out;
  }
  std::vector<Options> options_;
};

}  // namespace sonde::optim
