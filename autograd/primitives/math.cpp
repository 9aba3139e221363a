// Functions of one number.
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
  Vars jvp(const Vars& in, const Vars& out, const Vars& t) const override {
    return {D::chain(t[0], in[0], out[0])};
  }
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
  static Var chain(const Var& t, const Var&, const Var& y) {
    return mul(t, mul(square(y), mul(y, -0.5)));
  }
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
  static Var chain(const Var& t, const Var& x, const Var&) {
    return mul(t, rsqrt(sub(1.0, square(x))));
  }
};
class Acos final : public Pointwise<Acos> {
 public:
  static constexpr std::string_view id = "acos";
  static constexpr Saves saved = Saves::only_inputs();
  Acos() : Pointwise(kernels::acos) {}
  static Var chain(const Var& t, const Var& x, const Var&) {
    return neg(mul(t, rsqrt(sub(1.0, square(x)))));
  }
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
  static Var chain(const Var& t, const Var& x, const Var&) {
    return mul(t, mul(exp(neg(square(x))), two_over_root_pi));
  }
};
class Erfc final : public Pointwise<Erfc> {
 public:
  static constexpr std::string_view id = "erfc";
  static constexpr Saves saved = Saves::only_inputs();
  Erfc() : Pointwise(kernels::erfc) {}
  static Var chain(const Var& t, const Var& x, const Var&) {
    return mul(t, mul(exp(neg(square(x))), -two_over_root_pi));
  }
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

template <class P>
Var call_rounding(Operand x) {
  if (!x.is_scalar() && !is_float(x.var.dtype())) return x.var;
  return call_unary<P>(std::move(x));
}

}  // namespace

Var exp(Operand x) {
  return call_float<Exp>(std::move(x));
}
Var expm1(Operand x) {
  return call_float<Expm1>(std::move(x));
}
Var log(Operand x) {
  return call_float<Log>(std::move(x));
}
Var log1p(Operand x) {
  return call_float<Log1p>(std::move(x));
}
Var sqrt(Operand x) {
  return call_float<Sqrt>(std::move(x));
}
Var rsqrt(Operand x) {
  return call_float<Rsqrt>(std::move(x));
}
Var reciprocal(Operand x) {
  return call_float<Reciprocal>(std::move(x));
}
Var square(Operand x) {
  return call_unary<Square>(std::move(x));
}
Var sin(Operand x) {
  return call_float<Sin>(std::move(x));
}
Var cos(Operand x) {
  return call_float<Cos>(std::move(x));
}
Var tan(Operand x) {
  return call_float<Tan>(std::move(x));
}
Var sinh(Operand x) {
  return call_float<Sinh>(std::move(x));
}
Var cosh(Operand x) {
  return call_float<Cosh>(std::move(x));
}
Var asin(Operand x) {
  return call_float<Asin>(std::move(x));
}
Var acos(Operand x) {
  return call_float<Acos>(std::move(x));
}
Var atan(Operand x) {
  return call_float<Atan>(std::move(x));
}
Var erf(Operand x) {
  return call_float<Erf>(std::move(x));
}
Var erfc(Operand x) {
  return call_float<Erfc>(std::move(x));
}
Var abs(Operand x) {
  return call_unary<Abs>(std::move(x));
}
Var sign(Operand x) {
  return call_unary<Sign>(std::move(x));
}
Var floor(Operand x) {
  return call_rounding<Floor>(std::move(x));
}
Var ceil(Operand x) {
  return call_rounding<Ceil>(std::move(x));
}
Var round(Operand x) {
  return call_rounding<Round>(std::move(x));
}
Var trunc(Operand x) {
  return call_rounding<Trunc>(std::move(x));
}

}  // namespace sonde
