// Functions of two numbers, and limits.
#include <cmath>

#include "autograd/bases.hpp"
#include "autograd/primitives/call.hpp"

namespace sonde {
namespace {

// y = f(a, b); D::first and D::second are the partial derivatives by a and b, computed where
// needed.
template <class D>
class Pair : public Named<D, Elementwise> {
 public:
  using Named<D, Elementwise>::Named;
  Vars jvp(const Vars& in, const Vars& out, const Vars& t) const override {
    Var first = t[0] ? mul(t[0], D::first(in[0], in[1], out[0])) : Var();
    Var second = t[1] ? mul(t[1], D::second(in[0], in[1], out[0])) : Var();
    if (first && second) return {add(std::move(first), std::move(second))};
    const Var one = first ? std::move(first) : std::move(second);  // may lack the other's axes
    return {one.shape() == out[0].shape() ? one : broadcast_to(one, out[0].shape())};
  }
  Vars vjp(const Vars& in, const Vars& out, const Vars& ct, Needs needs) const override {
    return {needs[0] ? sum_to(mul(ct[0], D::first(in[0], in[1], out[0])), in[0].shape()) : Var(),
            needs[1] ? sum_to(mul(ct[0], D::second(in[0], in[1], out[0])), in[1].shape()) : Var()};
  }
};

// 1 where a > b, 1/2 at a tie, 0 elsewhere.
Var share(const Var& a, const Var& b) {
  return add(mul(sign(sub(a, b)), 0.5), 0.5);
}
class Maximum final : public Pair<Maximum> {
 public:
  static constexpr std::string_view id = "maximum";
  Maximum() : Pair(kernels::maximum) {}
  static Var first(const Var& a, const Var& b, const Var&) { return share(a, b); }
  static Var second(const Var& a, const Var& b, const Var&) { return share(b, a); }
};
class Minimum final : public Pair<Minimum> {
 public:
  static constexpr std::string_view id = "minimum";
  Minimum() : Pair(kernels::minimum) {}
  static Var first(const Var& a, const Var& b, const Var&) { return share(b, a); }
  static Var second(const Var& a, const Var& b, const Var&) { return share(a, b); }
};

Var one_like(const Var& v) {
  return Tensor::scalar(1, v.dtype(), v.device());
}

// At b = 0 the power is constant in a, and at a = 0, b >= 0 it is constant in b; the inner `where`
// keeps the unused branch finite, for derivatives of any order.
class Pow final : public Pair<Pow> {
 public:
  static constexpr std::string_view id = "pow";
  Pow() : Pair(kernels::pow) {}
  static Var first(const Var& a, const Var& b, const Var&) {
    return where(eq(b, 0.0), 0.0, mul(b, pow(a, sub(where(eq(b, 0.0), one_like(b), b), 1.0))));
  }
  static Var second(const Var& a, const Var& b, const Var& y) {
    return where(logical_and(eq(a, 0.0), ge(b, 0.0)), 0.0,
                 mul(y, log(where(eq(a, 0.0), one_like(a), a))));
  }
};
// atan2(a, b) with a the ordinate.
class Atan2 final : public Pair<Atan2> {
 public:
  static constexpr std::string_view id = "atan2";
  Atan2() : Pair(kernels::atan2) {}
  static Var first(const Var& a, const Var& b, const Var&) {
    return div(b, add(square(a), square(b)));
  }
  static Var second(const Var& a, const Var& b, const Var&) {
    return neg(div(a, add(square(a), square(b))));
  }
};
class Fmod final : public Pair<Fmod> {
 public:
  static constexpr std::string_view id = "fmod";
  Fmod() : Pair(kernels::fmod) {}
  static Var first(const Var& a, const Var&, const Var&) { return one_like(a); }
  static Var second(const Var& a, const Var& b, const Var&) { return neg(trunc(div(a, b))); }
};
class Remainder final : public Pair<Remainder> {
 public:
  static constexpr std::string_view id = "remainder";
  Remainder() : Pair(kernels::remainder) {}
  static Var first(const Var& a, const Var&, const Var&) { return one_like(a); }
  static Var second(const Var& a, const Var& b, const Var&) { return neg(floor(div(a, b))); }
};

class Clamp final : public Named<Clamp, Elementwise> {
 public:
  static constexpr std::string_view id = "clamp";
  Clamp(double min, double max) : Named(kernels::clamp), bounds_{min, max} {}
  Vars jvp(const Vars& in, const Vars&, const Vars& t) const override {
    return {inside(t[0], in[0])};
  }
  Vars vjp(const Vars& in, const Vars&, const Vars& ct, Needs) const override {
    return {inside(ct[0], in[0])};
  }
  Saves saves() const override { return Saves::only_inputs(); }
  std::string attributes() const override {
    return fmt::format("min={}, max={}", bounds_[0], bounds_[1]);
  }

 protected:
  const double* params() const override { return bounds_; }

 private:
  Var inside(const Var& t, const Var& x) const {
    return where(logical_and(ge(x, bounds_[0]), le(x, bounds_[1])), t, 0.0);
  }
  double bounds_[2];
};

}  // namespace

Var maximum(Operand a, Operand b) {
  return call_binary<Maximum>(std::move(a), std::move(b));
}
Var minimum(Operand a, Operand b) {
  return call_binary<Minimum>(std::move(a), std::move(b));
}
Var fmod(Operand a, Operand b) {
  return call_binary<Fmod>(std::move(a), std::move(b));
}
Var remainder(Operand a, Operand b) {
  return call_binary<Remainder>(std::move(a), std::move(b));
}

Var atan2(Operand y, Operand x) {
  if (!y.is_scalar()) y.var = as_float(std::move(y.var));
  if (!x.is_scalar() && y.is_scalar()) x.var = as_float(std::move(x.var));
  return call_binary<Atan2>(std::move(y), std::move(x));
}

Var pow(Operand a, Operand b) {
  if (b.is_scalar()) {
    const bool real = a.is_scalar() || is_float(a.var.dtype());
    if (b.scalar == 1) return as_var(std::move(a));
    if (b.scalar == 2) return square(std::move(a));
    if (b.scalar == 0.5 && real) return sqrt(std::move(a));
    if (b.scalar == -0.5 && real) return rsqrt(std::move(a));
    if (b.scalar == -1 && real) return reciprocal(std::move(a));
  }
  return call_binary<Pow>(std::move(a), std::move(b));
}

Var clamp(Operand x, double min, double max) {
  if (!x.is_scalar() && !is_float(x.var.dtype())) {
    const std::source_location where = x.where;
    Var v = std::isinf(min) ? x.var : maximum(std::move(x), min);
    return std::isinf(max) ? v : minimum({std::move(v), where}, max);
  }
  const std::source_location where = x.where;
  return emit1(make_ref<Clamp>(min, max), make_vars(as_var(std::move(x))), where);
}

}  // namespace sonde
