/// @file
/// Optimisers change parameter Tensors in place, outside any transform.
#pragma once

#include "autograd/var.hpp"
#include "tensor/io_npz.hpp"

namespace sonde::optim {

/// Base of all optimisers: the parameters, the number of steps taken, and state tensors of the
/// parameters' shapes.
class Optimizer {
 public:
  virtual ~Optimizer() = default;

  /// One step along `grads`, one for each parameter, of its shape and dtype; an empty one leaves
  /// its parameter as it is. Error(names) if their number differs, Error(shape, dtype),
  /// Error(escaped) if one belongs to a running transform; then nothing has changed.
  void step(const Vars& grads);

  std::int64_t steps() const { return steps_; }
  /// Learning rate; schedules set it between steps.
  double lr() const { return lr_; }
  /// Error(value) unless lr >= 0 and finite.
  void set_lr(double lr);

  /// Copies of the state tensors, named "<kind>.<index of the parameter>", and "steps" (i64, rank
  /// 0).
  NamedTensors state() const;
  /// Restores state(); Error(names) or Error(shape) if it is not one of this optimiser.
  void load_state(const NamedTensors& state);

 protected:
  /// `kinds` names the state tensors kept for each parameter, zeros at the start. Parameters are
  /// row-major f32 or f64; Error(dtype) or Error(shape) otherwise.
  Optimizer(Tensors parameters, double lr, std::vector<std::string> kinds);

  /// Updates one parameter; `state` has one tensor for each kind. steps() counts from 1.
  virtual void update(Tensor& parameter, const Tensor& grad, std::span<Tensor> state) = 0;

 private:
  std::string name(std::size_t kind, std::size_t parameter) const;
  Tensors parameters_;
  double lr_ = 0;
  std::vector<std::string> kinds_;
  std::vector<Tensors> state_;  // of each parameter
  std::int64_t steps_ = 0;
};

}  // namespace sonde::optim
