/// @file
/// Var: what users compute with. A Tensor, or a box that a transform put around a lower value.
#pragma once

#include <source_location>

#include "tensor/tensor.hpp"

namespace sonde {

/// Handle of a Tensor or of a box of a transform; immutable. Empty means a symbolic zero.
class Var {
 public:
  Var() = default;
  Var(const Tensor& t) : p_(t.ref()) {}
  explicit Var(Ref<Value> p) : p_(std::move(p)) {}
  /// A stand-in that knows only shape and dtype.
  static Var ghost(const Spec& spec) { return Var(make_ref<Ghost>(spec)); }

  explicit operator bool() const { return static_cast<bool>(p_); }
  const Spec& spec() const { return p_->spec; }
  const Dims& shape() const { return p_->spec.shape; }
  DType dtype() const { return p_->spec.dtype; }
  Device device() const { return p_->spec.device; }
  int rank() const { return shape().rank(); }
  /// Size along `axis`, which may be negative; Error(axis) out of range.
  std::int64_t size(std::int64_t axis) const { return shape()[normal_axis(axis, rank(), "size")]; }
  std::int64_t numel() const { return sonde::numel(shape()); }

  /// Depth of the innermost transform whose value this is; 0 for data.
  int level() const { return p_ ? p_->level : 0; }
  bool is_tensor() const { return p_ && p_->kind == ValueKind::tensor; }
  /// The data; Error(escaped) for a box, which has none outside its transform; Error(rule) for a
  /// ghost.
  Tensor tensor() const&;
  Tensor tensor() &&;
  /// The data behind the boxes of jvp and grad; Error(rule) under vmap, where every lane has its
  /// own.
  Tensor primal() const;
  /// The only element of primal().
  double item() const;

  Value* get() const { return p_.get(); }

 private:
  Ref<Value> p_;
};

using Vars = SmallVector<Var, 4>;
using Specs = SmallVector<Spec, 2>;

enum class TransformKind : std::uint8_t { jvp, reverse, batch };

/// A value inside a transform. `value` is one of a lower level; what else is used depends on the
/// transform.
struct Box final : Value, Pooled<Box> {
  Box(const Spec& s, int l, std::uint64_t i, TransformKind k, std::source_location w, Var v)
      : Value(s, ValueKind::box, l), id(i), value(std::move(v)), where(w), transform(k) {}
  const std::uint64_t id;  ///< of the transform; never used again
  Var value;
  Var tangent;                         ///< jvp
  std::int32_t node = -1, output = 0;  ///< reverse: who made it
  std::int32_t axis = -1;              ///< batch: where the lanes are in `value`
  const std::source_location where;    ///< the call of the transform
  const TransformKind transform;
};

/// The box behind `v`, or null if it is data.
inline const Box* as_box(const Var& v) {
  Value* p = v.get();
  return p && p->kind == ValueKind::box ? static_cast<const Box*>(p) : nullptr;
}

/// An operand of an op: a Var or a number, and the place in the user's program. A number takes the
/// other operand's dtype.
struct Operand {
  Operand(Var v, std::source_location w = std::source_location::current())
      : var(std::move(v)), where(w) {}
  Operand(const Tensor& t, std::source_location w = std::source_location::current())
      : var(t), where(w) {}
  Operand(double s, std::source_location w = std::source_location::current())
      : scalar(s), where(w) {}
  bool is_scalar() const { return !var; }

  Var var;
  double scalar = 0;
  std::source_location where;
};

}  // namespace sonde
