/// @file
/// Primitive: the whole truth about one operation, in one class.
#pragma once

#include <optional>

#include "autograd/var.hpp"

namespace sonde {

class Primitive;
using PrimitivePtr = Ref<const Primitive>;

/// Which inputs a vjp is asked for; inputs beyond 64 are always asked for.
struct Needs {
  std::uint64_t mask = ~std::uint64_t{0};
  bool operator[](std::size_t i) const { return i >= 64 || ((mask >> i) & 1u) != 0; }
};

/// Which inputs and outputs (bit masks) the vjp rule reads. The others are kept as ghosts: shape
/// and dtype only.
struct Saves {
  std::uint64_t inputs = ~std::uint64_t{0}, outputs = ~std::uint64_t{0};
  static constexpr Saves nothing() { return {0, 0}; }
  static constexpr Saves only_inputs(std::uint64_t mask = ~std::uint64_t{0}) { return {mask, 0}; }
  static constexpr Saves only_outputs(std::uint64_t mask = ~std::uint64_t{0}) { return {0, mask}; }
};

/// Position of the lanes axis in each value; -1 where there are no lanes.
using LaneAxes = SmallVector<int, 4>;

struct Batched {
  Vars out;
  LaneAxes axes;
};

/// One operation: shapes, kernel and all derivative rules. The rules are written with the public
/// ops, so they are differentiated by the same rules: every order and every mixture of transforms
/// follows.
class Primitive : public Counted {
 public:
  virtual std::string_view name() const = 0;
  /// Specs of the outputs. Throws every error a user can make; allocates nothing.
  virtual void infer(std::span<const Var> in, Specs& out) const = 0;
  /// Finds the kernel and runs it. `out` is what infer said. An input that nobody else holds may be
  /// overwritten.
  virtual Vars forward(std::span<Tensor> in, const Specs& out) const = 0;
  /// Tangents of the outputs. Empty tangents (of inputs and of outputs) are zeros; at least one
  /// input's is not empty.
  virtual Vars jvp(const Vars& in, const Vars& out, const Vars& tangents) const = 0;
  /// Cotangents of the inputs, empty for zero or where not needed. At least one of `cotangents` is
  /// not empty.
  virtual Vars vjp(const Vars& in, const Vars& out, const Vars& cotangents, Needs needs) const = 0;
  /// The operation on `n` lanes at once: in[i] has its lanes at axes[i] (-1: the same value for
  /// every lane).
  virtual Batched batch(const Vars& in, std::span<const int> axes, std::int64_t n) const = 0;
  /// What reverse mode must keep for vjp.
  virtual Saves saves() const { return {}; }
  /// False if all derivatives are zero (sign, comparisons, random numbers): nothing is recorded.
  virtual bool differentiable() const { return true; }
  /// A fused operation in plain ones; only asked for where `max_reverse` is exceeded.
  virtual Vars decompose(const Vars& in) const;
  /// How many reverse transforms may record this operation as it is; beyond it, or under jvp, it is
  /// decomposed. Only fused operations have a limit.
  virtual int max_reverse() const { return -1; }
  /// Floating-point operations of a call, two for each multiply-add. Counted are products of
  /// matrices, convolutions, attention and recurrent layers; everything else is 0.
  virtual std::int64_t flops(std::span<const Tensor> /*in*/, const Vars& /*out*/) const {
    return 0;
  }
  /// Whether a number on the host (rank 0) may stand beside tensors of a device as it is: the
  /// kernel takes it by value. Otherwise it is copied there first.
  virtual bool takes_numbers() const { return false; }
  /// The attributes for graphs and profiles, "axis=1, keepdim=true".
  virtual std::string attributes() const { return {}; }

 protected:
  /// This primitive as the argument of emit.
  PrimitivePtr self() const { return PrimitivePtr(this); }
};

/// Gives D its name from `D::id`; the test suite finds all primitives by that line.
template <class D, class Base = Primitive>
class Named : public Base {
 public:
  using Base::Base;
  std::string_view name() const override { return D::id; }
};

/// Runs `p` on `in`: the innermost transform among the inputs decides what that means; without one,
/// a kernel runs.
Vars emit(const PrimitivePtr& p, Vars in,
          std::source_location where = std::source_location::current());

/// emit for a primitive with one output.
inline Var emit1(const PrimitivePtr& p, Vars in,
                 std::source_location where = std::source_location::current()) {
  return std::move(emit(p, std::move(in), where)[0]);
}

/// Vars of the arguments, moved where they may be (an initializer list would copy).
template <class... V>
Vars make_vars(V&&... v) {
  Vars out;
  (out.emplace_back(std::forward<V>(v)), ...);
  return out;
}

}  // namespace sonde
