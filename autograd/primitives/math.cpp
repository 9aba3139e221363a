// Functions of one and of two numbers.
#include <cmath>
#include <numbers>

#include "autograd/bases.hpp"
#include "autograd/primitives/call.hpp"

namespace sonde {
namespace {

constexpr double two_over_root_pi = 2 * std::numbers::inv_sqrtpi;

// y = f(x); D::chain(t, x, y) is t f'(x), for tangents and for cotangents.
template <class D>
class Pointwise : public Named<D, Elementwise> {
 public:
  using Named<D, Elementwise>::Named;
  Vars jvp(const Vars& in, const Vars& out, const Vars& t) const override { return {D::chain(t[0], in[0], out[0])}; }
  Vars vjp(const Vars& in, const Vars& out, const Vars& ct, Needs) const override {
    return {D::chain(ct[0], in[0], out[0])};
  }
  Saves saves() const override { return D::saved; }
};

// Piecewise constant.
template <class D>
class Step : public Named<D, Elementwise> {
 public:
  using Named<D, Elementwise>::Named;
  Vars jvp(const Vars&, const Vars&, const Vars&) const override { return {Var()}; }
  Vars vjp(const Vars&, const Vars&, const Vars&, Needs) const override { return {Var()}; }
  bool differentiable() const override { return false; }
};

class Exp final : public Pointwise<Exp> {
 public:
  static constexpr std::string_view id = "exp";
  static constexpr Saves saved = Saves::only_outputs();
  Exp() : Pointwise(kernels::exp) {}
  static Var chain(const Var& t, const Var&, const Var& y) { return mul(t, y); }
};
class Expm1 final : public Pointwise<Expm1> {
 public:
  static constexpr std::string_view id = "expm1";
  static constexpr Saves saved = Saves::only_outputs();
  Expm1() : Pointwise(kernels::expm1) {}
  static Var chain(const Var& t, const Var&, const Var& y) { return mul(t, add(y, 1.0)); }
};
class Log final : public Pointwise<Log> {
 public:
  static constexpr std::string_view id = "log";
  static constexpr Saves saved = Saves::only_inputs();
  Log() : Pointwise(kernels::log) {}
  static Var chain(const Var& t, const Var& x, const Var&) { return div(t, x); }
};
class Log1p final : public Pointwise<Log1p> {
 public:
  static constexpr std::string_view id = "log1p";
  static constexpr Saves saved = Saves::only_inputs();
  Log1p() : Pointwise(kernels::log1p) {}
  static Var chain(const Var& t, const Var& x, const Var&) { return div(t, add(x, 1.0)); }
};
class Sqrt final : public Pointwise<Sqrt> {
 public:
  static constexpr std::string_view id = "sqrt";
  static constexpr Saves saved = Saves::only_outputs();
  Sqrt() : Pointwise(kernels::sqrt) {}
  static Var chain(const Var& t, const Var&, const Var& y) { return div(t, mul(y, 2.0)); }
};
class Rsqrt final : public Pointwise<Rsqrt> {
 public:
  static constexpr std::string_view id = "rsqrt";
  static constexpr Saves saved = Saves::only_outputs();
  Rsqrt() : Pointwise(kernels::rsqrt) {}
  static Var chain(const Var& t, const Var&, const Var& y) { return mul(t, mul(square(y), mul(y, -0.5))); }
};
class Reciprocal final : public Pointwise<Reciprocal> {
 public:
  static constexpr std::string_view id = "reciprocal";
  static constexpr Saves saved = Saves::only_outputs();
  Reciprocal() : Pointwise(kernels::reciprocal) {}
  static Var chain(const Var& t, const Var&, const Var& y) { return neg(mul(t, square(y))); }
};
class Square final : public Pointwise<Square> {
 public:
  static constexpr std::string_view id = "square";
  static constexpr Saves saved = Saves::only_inputs();
  Square() : Pointwise(kernels::square) {}
  static Var chain(const Var& t, const Var& x, const Var&) { return mul(t, mul(x, 2.0)); }
};
class Sin final : public Pointwise<Sin> {
 public:
  static constexpr std::string_view id = "sin";
  static constexpr Saves saved = Saves::only_inputs();
  Sin() : Pointwise(kernels::sin) {}
  static Var chain(const Var& t, const Var& x, const Var&) { return mul(t, cos(x)); }
};
class Cos final : public Pointwise<Cos> {
 public:
  static constexpr std::string_view id = "cos";
  static constexpr Saves saved = Saves::only_inputs();
  Cos() : Pointwise(kernels::cos) {}
  static Var chain(const Var& t, const Var& x, const Var&) { return neg(mul(t, sin(x))); }
};
class Tan final : public Pointwise<Tan> {
 public:
  static constexpr std::string_view id = "tan";
  static constexpr Saves saved = Saves::only_outputs();
  Tan() : Pointwise(kernels::tan) {}
  static Var chain(const Var& t, const Var&, const Var& y) { return mul(t, add(square(y), 1.0)); }
};
class Sinh final : public Pointwise<Sinh> {
 public:
  static constexpr std::string_view id = "sinh";
  static constexpr Saves saved = Saves::only_inputs();
  Sinh() : Pointwise(kernels::sinh) {}
  static Var chain(const Var& t, const Var& x, const Var&) { return mul(t, cosh(x)); }
};
class Cosh final : public Pointwise<Cosh> {
 public:
  static constexpr std::string_view id = "cosh";
  static constexpr Saves saved = Saves::only_inputs();
  Cosh() : Pointwise(kernels::cosh) {}
  static Var chain(const Var& t, const Var& x, const Var&) { return mul(t, sinh(x)); }
};
class Asin final : public Pointwise<Asin> {
 public:
  static constexpr std::string_view id = "asin";
  static constexpr Saves saved = Saves::only_inputs();
  Asin() : Pointwise(kernels::asin) {}
  static Var chain(const Var& t, const Var& x, const Var&) { return mul(t, rsqrt(sub(1.0, square(x)))); }
};
class Acos final : public Pointwise<Acos> {
 public:
  static constexpr std::string_view id = "acos";
  static constexpr Saves saved = Saves::only_inputs();
  Acos() : Pointwise(kernels::acos) {}
  static Var chain(const Var& t, const Var& x, const Var&) { return neg(mul(t, rsqrt(sub(1.0, square(x))))); }
};
class Atan final : public Pointwise<Atan> {
 public:
  static constexpr std::string_view id = "atan";
  static constexpr Saves saved = Saves::only_inputs();
  Atan() : Pointwise(kernels::atan) {}
  static Var chain(const Var& t, const Var& x, const Var&) { return div(t, add(square(x), 1.0)); }
};
class Erf final : public Pointwise<Erf> {
 public:
  static constexpr std::string_view id = "erf";
  static constexpr Saves saved = Saves::only_inputs();
  Erf() : Pointwise(kernels::erf) {}
  static Var chain(const Var& t, const Var& x, const Var&) { return mul(t, mul(exp(neg(square(x))), two_over_root_pi)); }
};
class Erfc final : public Pointwise<Erfc> {
 public:
  static constexpr std::string_view id = "erfc";
  static constexpr Saves saved = Saves::only_inputs();
  Erfc() : Pointwise(kernels::erfc) {}
  static Var chain(const Var& t, const Var& x, const Var&) { return mul(t, mul(exp(neg(square(x))), -two_over_root_pi)); }
};
class Abs final : public Pointwise<Abs> {
 public:
  static constexpr std::string_view id = "abs";
  static constexpr Saves saved = Saves::only_inputs();
  Abs() : Pointwise(kernels::abs) {}
  static Var chain(const Var& t, const Var& x, const Var&) { return mul(t, sign(x)); }
};
class Sign final : public Step<Sign> {
 public:
  static constexpr std::string_view id = "sign";
  Sign() : Step(kernels::sign) {}
};
class Floor final : public Step<Floor> {
 public:
  static constexpr std::string_view id = "floor";
  Floor() : Step(kernels::floor) {}
};
class Ceil final : public Step<Ceil> {
 public:
  static constexpr std::string_view id = "ceil";
  Ceil() : Step(kernels::ceil) {}
};
class Round final : public Step<Round> {
 public:
  static constexpr std::string_view id = "round";
  Round() : Step(kernels::round) {}
};
class Trunc final : public Step<Trunc> {
 public:
  static constexpr std::string_view id = "trunc";
  Trunc() : Step(kernels::trunc) {}
};

// y = f(a, b); D::slopes(in, out) are the two partial derivatives, computed only where asked for.
template <class D>
class Pair : public Named<D, Elementwise> {
 public:
  using Named<D, Elementwise>::Named;
  Vars jvp(const Vars& in, const Vars& out, const Vars& t) const override {
    Var first = t[0] ? mul(t[0], D::first(in[0], in[1], out[0])) : Var();
    Var second = t[1] ? mul(t[1], D::second(in[0], in[1], out[0])) : Var();
    if (first && second) return {add(std::move(first), std::move(second))};
    return {first ? std::move(first) : std::move(second)};
  }
  Vars vjp(const Vars& in, const Vars& out, const Vars& ct, Needs needs) const override {
    return {needs[0] ? sum_to(mul(ct[0], D::first(in[0], in[1], out[0])), in[0].shape()) : Var(),
            needs[1] ? sum_to(mul(ct[0], D::second(in[0], in[1], out[0])), in[1].shape()) : Var()};
  }
};

// 1 where a > b, 1/2 at a tie, 0 elsewhere.
Var share(const Var& a, const Var& b) { return add(mul(sign(sub(a, b)), 0.5), 0.5); }
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

Var one_like(const Var& v) { return Tensor::scalar(1, v.dtype(), v.device()); }

// At b = 0 the power is constant in a, and at a = 0, b >= 0 it is constant in b; the inner `where` keeps the unused
// branch finite, for derivatives of any order.
class Pow final : public Pair<Pow> {
 public:
  static constexpr std::string_view id = "pow";
  Pow() : Pair(kernels::pow) {}
  static Var first(const Var& a, const Var& b, const Var&) { return where(eq(b, 0.0), 0.0, mul(b, pow(a, sub(where(eq(b, 0.0), one_like(b), b), 1.0)))); }
  static Var second(const Var& a, const Var& b, const Var& y) { return where(logical_and(eq(a, 0.0), ge(b, 0.0)), 0.0, mul(y, log(where(eq(a, 0.0), one_like(a), a)))); }
};
// atan2(a, b) with a the ordinate.
class Atan2 final : public Pair<Atan2> {
 public:
  static constexpr std::string_view id = "atan2";
  Atan2() : Pair(kernels::atan2) {}
  static Var first(const Var& a, const Var& b, const Var&) { return div(b, add(square(a), square(b))); }
  static Var second(const Var& a, const Var& b, const Var&) { return neg(div(a, add(square(a), square(b)))); }
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
  Vars jvp(const Vars& in, const Vars&, const Vars& t) const override { return {inside(t[0], in[0])}; }
  Vars vjp(const Vars& in, const Vars&, const Vars& ct, Needs) const override { return {inside(ct[0], in[0])}; }
  Saves saves() const override { return Saves::only_inputs(); }
  std::string attributes() const override { return fmt::format("min={}, max={}", bounds_[0], bounds_[1]); }

 protected:
  const double* params() const override { return bounds_; }

 private:
  Var inside(const Var& t, const Var& x) const {
    return where(logical_and(ge(x, bounds_[0]), le(x, bounds_[1])), t, 0.0);
  }
  double bounds_[2];
};

template <class P>
Var call_rounding(Operand x) {
  if (!x.is_scalar() && !is_float(x.var.dtype())) return x.var;
  return call_unary<P>(std::move(x));
}

}  // namespace

Var exp(Operand x) { return call_float<Exp>(std::move(x)); }
Var expm1(Operand x) { return call_float<Expm1>(std::move(x)); }
Var log(Operand x) { return call_float<Log>(std::move(x)); }
Var log1p(Operand x) { return call_float<Log1p>(std::move(x)); }
Var sqrt(Operand x) { return call_float<Sqrt>(std::move(x)); }
Var rsqrt(Operand x) { return call_float<Rsqrt>(std::move(x)); }
Var reciprocal(Operand x) { return call_float<Reciprocal>(std::move(x)); }
Var square(Operand x) { return call_unary<Square>(std::move(x)); }
Var sin(Operand x) { return call_float<Sin>(std::move(x)); }
Var cos(Operand x) { return call_float<Cos>(std::move(x)); }
Var tan(Operand x) { return call_float<Tan>(std::move(x)); }
Var sinh(Operand x) { return call_float<Sinh>(std::move(x)); }
Var cosh(Operand x) { return call_float<Cosh>(std::move(x)); }
Var asin(Operand x) { return call_float<Asin>(std::move(x)); }
Var acos(Operand x) { return call_float<Acos>(std::move(x)); }
Var atan(Operand x) { return call_float<Atan>(std::move(x)); }
Var erf(Operand x) { return call_float<Erf>(std::move(x)); }
Var erfc(Operand x) { return call_float<Erfc>(std::move(x)); }
Var abs(Operand x) { return call_unary<Abs>(std::move(x)); }
Var sign(Operand x) { return call_unary<Sign>(std::move(x)); }
Var floor(Operand x) { return call_rounding<Floor>(std::move(x)); }
Var ceil(Operand x) { return call_rounding<Ceil>(std::move(x)); }
Var round(Operand x) { return call_rounding<Round>(std::move(x)); }
Var trunc(Operand x) { return call_rounding<Trunc>(std::move(x)); }

Var maximum(Operand a, Operand b) { return call_binary<Maximum>(std::move(a), std::move(b)); }
Var minimum(Operand a, Operand b) { return call_binary<Minimum>(std::move(a), std::move(b)); }
Var fmod(Operand a, Operand b) { return call_binary<Fmod>(std::move(a), std::move(b)); }
Var remainder(Operand a, Operand b) { return call_binary<Remainder>(std::move(a), std::move(b)); }

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
