/// @file
/// Bases that make most primitives ten to twenty lines: Elementwise, Linear, Multilinear.
#pragma once

#include "autograd/primitive.hpp"
#include "tensor/kernels/elementwise.hpp"

namespace sonde {

/// The lanes axis moved to the front (a view); `v` itself where `axis` is -1.
Var lanes_first(const Var& v, int axis);
/// As lanes_first, and without lanes a broadcast to [n, ...]. For rules that need lanes in every
/// operand.
Var with_lanes(const Var& v, int axis, std::int64_t n);
/// Batch rule of last resort: runs `p` lane by lane. Counts in counters().loop_fallbacks.
Batched batch_by_loop(const PrimitivePtr& p, const Vars& in, std::span<const int> axes,
                      std::int64_t n);
/// Zeros of this shape and dtype.
Var zeros_like(const Var& v);
/// Sums `v` over the axes along which `shape` was broadcast to v's shape: the transpose of
/// broadcasting.
Var sum_to(const Var& v, const Dims& shape);

/// Element by element with broadcasting. Subclasses add name, jvp, vjp (or derive from Unary).
class Elementwise : public Primitive {
 public:
  using Slot = Kernel<kernels::Elementwise>;
  explicit Elementwise(Slot& slot) : slot_(slot) {}
  void infer(std::span<const Var> in, Specs& out) const override;
  Vars forward(std::span<Tensor> in, const Specs& out) const override;
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t n) const override;
  bool takes_numbers() const override { return true; }

 protected:
  /// Type of the result; the default wants equal types and returns it. Error(dtype).
  virtual DType result_type(std::span<const Var> in) const;
  /// Type by which the kernel is found.
  virtual DType kernel_type(std::span<const Tensor> in) const { return in[0].dtype(); }
  /// Scalar attributes for the kernel.
  virtual const double* params() const { return nullptr; }

 private:
  Slot& slot_;
};

/// y = f(x) with dy/dx given by `static Var D::derivative(const Var& x, const Var& y)`.
/// D also has `id` and may hide `saved` to say what the derivative reads.
template <class D>
class Unary : public Named<D, Elementwise> {
 public:
  using Named<D, Elementwise>::Named;
  static constexpr Saves saved = Saves::only_inputs();
  Vars jvp(const Vars& in, const Vars& out, const Vars& tangents) const override {
    return {chain(tangents[0], in[0], out[0])};
  }
  Vars vjp(const Vars& in, const Vars& out, const Vars& cotangents, Needs) const override {
    return {chain(cotangents[0], in[0], out[0])};
  }
  Saves saves() const override { return D::saved; }

 private:
  static Var chain(const Var& t, const Var& x, const Var& y);
};

/// Jointly linear in all inputs (sum, reshape, concat, a + b): the tangent of the output is the
/// operation on the tangents. Subclasses give infer, forward, vjp, batch.
class Linear : public Primitive {
 public:
  Vars jvp(const Vars& in, const Vars& out, const Vars& tangents) const override;
  Saves saves() const override { return Saves::nothing(); }
};

/// Linear in each input by itself (matmul, conv): the product rule gives jvp.
class Multilinear : public Primitive {
 public:
  Vars jvp(const Vars& in, const Vars& out, const Vars& tangents) const override;
  Saves saves() const override { return Saves::only_inputs(); }
};

}  // namespace sonde

#include "autograd/ops.hpp"

namespace sonde {
template <class D>
Var Unary<D>::chain(const Var& t, const Var& x, const Var& y) {
  return mul(t, D::derivative(x, y));
}
}  // namespace sonde
