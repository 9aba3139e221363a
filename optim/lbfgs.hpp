/// @file
/// L-BFGS, for losses that are the same function at each evaluation.
#pragma once

#include <optional>
#include <vector>

#include "optim/parameters.hpp"

namespace sonde::optim {

enum class LineSearch { none, strong_wolfe };

struct LbfgsOptions {
  double lr = 1;               ///< length of a step, or the first one that the search tries
  std::int64_t max_iter = 20;  ///< of one step()
  std::optional<std::int64_t> max_eval{};  ///< of one step(); max_iter * 5 / 4 if not given
  double tolerance_grad = 1e-7;            ///< ends a step: greatest entry of the gradient
  double tolerance_change = 1e-9;          ///< ends a step: change of loss or parameters
  std::int64_t history_size = 100;
  LineSearch line_search_fn = LineSearch::none;
  bool maximize = false;
};

/// A loss, and its gradients in the order of the parameters; empty ones are zero.
struct Evaluation {
  double loss = 0;
  Vars grads;
};

/// Goes along -H g, where H, an estimate of the inverse Hessian, comes from the last steps s and
/// changes of the gradient y by the two-loop recursion (Nocedal, 1980; Liu and Nocedal, 1989). One
/// group of parameters, all of one dtype. PyTorch's stopping rules.
class Lbfgs {
 public:
  using Options = LbfgsOptions;
  /// Error(value) on options out of range; Error(dtype) on parameters of several dtypes; the errors
  /// of Parameters.
  explicit Lbfgs(const Parameters& parameters, const Options& options = {});

  /// Up to max_iter iterations. `evaluate` computes loss and gradients of the parameters as they
  /// are at the moment. Returns the loss before. Errors of Parameters::checked.
  double step(const std::function<Evaluation()>& evaluate);

  double lr() const { return options_.lr; }
  /// Error(value) unless lr >= 0 and finite.
  void set_lr(double lr);
  /// Iterations and evaluations of all steps so far.
  std::int64_t iterations() const { return iterations_; }
  std::int64_t evaluations() const { return evaluations_; }

  /// Copies of everything that changes: "lr", "t", "h_diag" (f64), "counts" (i64), and, each as one
  /// flat tensor, "d", "prev_flat_grad", "old_dirs.<i>" (y) and "old_stps.<i>" (s).
  NamedTensors state() const;
  /// Restores state(). Error(names, shape, dtype, value) if it is not one of such an optimiser;
  /// then nothing has changed.
  void load_state(const NamedTensors& state);

 private:
  struct Pair {
    Var y, s;
    double rho = 0;  // 1 / y's
  };
  struct Point {
    double loss = 0;
    Var grad;  // flat
  };
  Point evaluate(const std::function<Evaluation()>& f);
  void remember(const Var& grad);
  Var direction(const Var& grad) const;
  void move(const Tensors& from, double t) const;
  Point search(const std::function<Evaluation()>& f, const Point& now, double slope,
               std::int64_t max_evaluations);
  Tensors copies() const;

  Parameters parameters_;
  Options options_;
  DType dtype_ = DType::f32;
  std::int64_t size_ = 0;  // of all parameters
  std::int64_t iterations_ = 0, evaluations_ = 0;
  std::vector<Pair> history_;
  Var d_, prev_grad_;  // the last direction, and the gradient where it began
  double t_ = 0;       // how far it went
  double h_diag_ = 1;  // H before the history, a multiple of the identity
};

}  // namespace sonde::optim
