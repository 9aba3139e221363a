/// @file
/// The transforms of functions: jvp, vjp, grad, vmap, and what follows from them. They nest in any
/// order.
#pragma once

#include <functional>
#include <optional>

#include "autograd/reverse.hpp"
#include "autograd/var.hpp"

namespace sonde {

/// A function from Vars to Vars as the transforms see it. Made from any callable of the forms
/// `Vars(const Vars&)`, `Var(const Vars&)`, `Var(const Var&)`, `Vars(const Var&)`.
class Function {
 public:
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, Function>) Function(F f)
      : call_(wrap(std::move(f))) {}
  Vars operator()(const Vars& x) const { return call_(x); }
  /// For functions of one argument and one result.
  Var operator()(const Var& x) const { return std::move(call_(make_vars(x))[0]); }

 private:
  template <class F>
  static std::function<Vars(const Vars&)> wrap(F f) {
    if constexpr (std::is_invocable_r_v<Vars, const F&, const Vars&>)
      return f;
    else if constexpr (std::is_invocable_r_v<Var, const F&, const Vars&>)
      return [f = std::move(f)](const Vars& x) { return make_vars(f(x)); };
    else if constexpr (std::is_invocable_r_v<Vars, const F&, const Var&>)
      return [f = std::move(f)](const Vars& x) { return f(x[0]); };
    else
      return [f = std::move(f)](const Vars& x) { return make_vars(f(x[0])); };
  }
  std::function<Vars(const Vars&)> call_;
};

using Site = std::source_location;

// --- forward mode

struct JvpResult {
  Vars out, tangents;
};
/// f(x) and its directional derivative along `v` (v[i] of x[i]'s shape and dtype; empty: zero).
/// Error(shape, dtype) if they differ; Error(dtype) for a tangent of an integer input.
JvpResult jvp(const Function& f, const Vars& x, const Vars& v, Site where = Site::current());

// --- reverse mode

/// The transpose of f's derivative at x; may be kept and called many times.
class Pullback {
 public:
  Pullback(std::shared_ptr<Tape> tape, SmallVector<Parent, 2> outputs, Specs out, Specs in)
      : tape_(std::move(tape)),
        outputs_(std::move(outputs)),
        out_(std::move(out)),
        in_(std::move(in)) {}
  /// Cotangents of the inputs, given those of the outputs (empty: zero). Integer inputs get an
  /// empty Var. Error(stale) if a saved tensor was modified since the recording.
  Vars operator()(const Vars& cotangents) const { return run(cotangents, false); }
  /// As the call, but frees what was recorded as it goes: half the memory. Error(stale) if it is
  /// called again after.
  Vars consume(const Vars& cotangents) { return run(cotangents, true); }
  const Tape& tape() const { return *tape_; }

 private:
  Vars run(const Vars& cotangents, bool release) const;
  std::shared_ptr<Tape> tape_;
  SmallVector<Parent, 2> outputs_;
  Specs out_, in_;
};

struct VjpResult {
  Vars out;
  Pullback pullback;
};
/// f(x) and the pullback at x.
VjpResult vjp(const Function& f, const Vars& x, Site where = Site::current());

/// Positions of arguments; empty means all.
using Arguments = SmallVector<int, 4>;

struct ValueAndGrad {
  Var value;
  Vars grads;  ///< one per argument asked for
  Vars aux;    ///< what f returned beside its value, without derivative
};
/// The value of f (its first output, a scalar), its gradients, and f's further outputs.
/// Error(shape) if the value is not a scalar, Error(dtype) for an integer argument.
ValueAndGrad value_and_grad(const Function& f, const Vars& x, const Arguments& arguments = {},
                            Site where = Site::current());
/// The function x -> gradients of f at x.
Function grad(Function f, Arguments arguments = {}, Site where = Site::current());

// --- many at once

/// An axis for each argument or result; nullopt: not mapped. Empty: axis 0 for all.
using Axes = SmallVector<std::optional<int>, 4>;

struct VmapOptions {
  Axes in_axes{};
  Axes out_axes{};
  std::int64_t chunk = 0;  ///< lanes at a time; 0: all at once
};
/// The function that runs f on every lane: arguments are cut along in_axes, results joined along
/// out_axes.
Function vmap(Function f, VmapOptions options = {}, Site where = Site::current());

// --- composed

enum class JacobianMode { forward, reverse };
/// d f(x)[0] / d x[i] for every i, each of shape out.shape + x[i].shape.
Vars jacobian(const Function& f, const Vars& x, JacobianMode mode = JacobianMode::reverse,
              std::int64_t chunk = 0, Site where = Site::current());
/// The second derivative of a scalar function of one tensor: x.shape + x.shape.
Var hessian(const Function& f, const Var& x, std::int64_t chunk = 0, Site where = Site::current());

enum class HvpMode { forward_over_reverse, reverse_over_reverse, reverse_over_forward };
/// Hessian of the scalar function f at x, times v. The modes differ in cost only: reverse over
/// forward, the gradient of f's derivative along v, never computes the gradient of f itself, and so
/// takes the fewest products.
Vars hvp(const Function& f, const Vars& x, const Vars& v,
         HvpMode mode = HvpMode::reverse_over_forward, Site where = Site::current());

/// f, but reverse mode keeps only its inputs and runs it again for the backward pass. f must take
/// every input whose derivative is wanted as an argument; Error(closure) otherwise.
Function checkpoint(Function f, Site where = Site::current());

/// f's derivative at one point, recorded once and applied many times. Costs the memory of every
/// intermediate value.
class Linearization {
 public:
  Linearization(Vars out, std::shared_ptr<Tape> tape, SmallVector<Parent, 2> outputs, Specs in);
  /// f(x).
  const Vars& out() const { return out_; }
  /// J v. Empty tangents are zeros.
  Vars apply(const Vars& v) const;
  /// J' u. Empty cotangents are zeros; integer inputs get an empty Var.
  Vars transpose(const Vars& u) const { return pullback_(u); }
  /// J V and J' U for n vectors at once: each argument and result has a leading axis of n.
  Vars apply_batch(const Vars& v) const;
  Vars transpose_batch(const Vars& u) const;

 private:
  Vars out_;
  std::shared_ptr<Tape> tape_;
  SmallVector<Parent, 2> outputs_;
  Specs in_;
  Pullback pullback_;
};
/// Error(closure) if a value of an enclosing transform enters f through its closure.
Linearization linearize(const Function& f, const Vars& x, Site where = Site::current());

}  // namespace sonde
