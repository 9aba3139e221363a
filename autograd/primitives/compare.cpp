// Comparisons, logic, classification and choice.
#include <cmath>

#include "autograd/bases.hpp"
#include "autograd/primitives/call.hpp"

namespace sonde {
namespace {

// To bool, without a derivative.
template <class D>
class Predicate : public Named<D, Elementwise> {
 public:
  using Named<D, Elementwise>::Named;
  Vars jvp(const Vars&, const Vars&, const Vars&) const override { return {Var()}; }
  Vars vjp(const Vars& in, const Vars&, const Vars&, Needs) const override {
    return Vars(in.size());
  }
  bool differentiable() const override { return false; }

 protected:
  DType result_type(std::span<const Var> in) const override {
    this->Elementwise::result_type(in);
    return DType::boolean;
  }
};

class Eq final : public Predicate<Eq> {
 public:
  static constexpr std::string_view id = "eq";
  Eq() : Predicate(kernels::eq) {}
};
class Ne final : public Predicate<Ne> {
 public:
  static constexpr std::string_view id = "ne";
  Ne() : Predicate(kernels::ne) {}
};
class Lt final : public Predicate<Lt> {
 public:
  static constexpr std::string_view id = "lt";
  Lt() : Predicate(kernels::lt) {}
};
class Le final : public Predicate<Le> {
 public:
  static constexpr std::string_view id = "le";
  Le() : Predicate(kernels::le) {}
};
class Gt final : public Predicate<Gt> {
 public:
  static constexpr std::string_view id = "gt";
  Gt() : Predicate(kernels::gt) {}
};
class Ge final : public Predicate<Ge> {
 public:
  static constexpr std::string_view id = "ge";
  Ge() : Predicate(kernels::ge) {}
};
class LogicalNot final : public Predicate<LogicalNot> {
 public:
  static constexpr std::string_view id = "logical_not";
  LogicalNot() : Predicate(kernels::logical_not) {}
};
class LogicalAnd final : public Predicate<LogicalAnd> {
 public:
  static constexpr std::string_view id = "logical_and";
  LogicalAnd() : Predicate(kernels::logical_and) {}
};
class LogicalOr final : public Predicate<LogicalOr> {
 public:
  static constexpr std::string_view id = "logical_or";
  LogicalOr() : Predicate(kernels::logical_or) {}
};
class LogicalXor final : public Predicate<LogicalXor> {
 public:
  static constexpr std::string_view id = "logical_xor";
  LogicalXor() : Predicate(kernels::logical_xor) {}
};
class IsNan final : public Predicate<IsNan> {
 public:
  static constexpr std::string_view id = "isnan";
  IsNan() : Predicate(kernels::isnan) {}
};
class IsInf final : public Predicate<IsInf> {
 public:
  static constexpr std::string_view id = "isinf";
  IsInf() : Predicate(kernels::isinf) {}
};
class IsFinite final : public Predicate<IsFinite> {
 public:
  static constexpr std::string_view id = "isfinite";
  IsFinite() : Predicate(kernels::isfinite) {}
};

Var zero_like(const Var& v) {
  return Tensor::scalar(0, v.dtype(), v.device());
}

class Where final : public Named<Where, Elementwise> {
 public:
  static constexpr std::string_view id = "where";
  Where() : Named(kernels::where) {}
  Vars jvp(const Vars& in, const Vars& out, const Vars& t) const override {
    Var y = where(in[0], t[1] ? t[1] : zero_like(out[0]), t[2] ? t[2] : zero_like(out[0]));
    return {y.shape() == out[0].shape() ? y : broadcast_to(y, out[0].shape())};
  }
  Vars vjp(const Vars& in, const Vars&, const Vars& ct, Needs needs) const override {
    const Var zero = zero_like(ct[0]);
    return {Var(), needs[1] ? sum_to(where(in[0], ct[0], zero), in[1].shape()) : Var(),
            needs[2] ? sum_to(where(in[0], zero, ct[0]), in[2].shape()) : Var()};
  }
  Saves saves() const override { return Saves::only_inputs(0b1); }

 protected:
  DType result_type(std::span<const Var> in) const override {
    if (in[0].dtype() != DType::boolean)
      fail_hint(ErrorCode::dtype, id, "compare first: ne(x, 0)", "condition {} is not bool",
                in[0].spec());
    return Elementwise::result_type(in.subspan(1));
  }
  DType kernel_type(std::span<const Tensor> in) const override { return in[1].dtype(); }
};

}  // namespace

Var eq(Operand a, Operand b) {
  return call_binary<Eq>(std::move(a), std::move(b));
}
Var ne(Operand a, Operand b) {
  return call_binary<Ne>(std::move(a), std::move(b));
}
Var lt(Operand a, Operand b) {
  return call_binary<Lt>(std::move(a), std::move(b));
}
Var le(Operand a, Operand b) {
  return call_binary<Le>(std::move(a), std::move(b));
}
Var gt(Operand a, Operand b) {
  return call_binary<Gt>(std::move(a), std::move(b));
}
Var ge(Operand a, Operand b) {
  return call_binary<Ge>(std::move(a), std::move(b));
}
Var logical_not(Operand x) {
  return call_unary<LogicalNot>(std::move(x));
}
Var logical_and(Operand a, Operand b) {
  return call_binary<LogicalAnd>(std::move(a), std::move(b));
}
Var logical_or(Operand a, Operand b) {
  return call_binary<LogicalOr>(std::move(a), std::move(b));
}
Var logical_xor(Operand a, Operand b) {
  return call_binary<LogicalXor>(std::move(a), std::move(b));
}
Var isnan(Operand x) {
  return call_float<IsNan>(std::move(x));
}
Var isinf(Operand x) {
  return call_float<IsInf>(std::move(x));
}
Var isfinite(Operand x) {
  return call_float<IsFinite>(std::move(x));
}

Var where(Operand condition, Operand a, Operand b) {
  static const PrimitivePtr p = make_ref<Where>();
  const std::source_location where = condition.where;
  auto [x, y] = promote(std::move(a), std::move(b), Where::id);
  return emit1(p, make_vars(as_var(std::move(condition)), std::move(x), std::move(y)), where);
}

bool allclose(Operand a, Operand b, double rtol, double atol, bool equal_nan) {
  auto [x, y] = promote(std::move(a), std::move(b), "allclose");
  const Dims shape = broadcast_shapes(x.shape(), y.shape(), "allclose");
  const auto u = x.tensor().expand(shape).to_vector<double>(),
             v = y.tensor().expand(shape).to_vector<double>();
  for (std::size_t i = 0; i < u.size(); ++i) {
    const bool close = std::abs(u[i] - v[i]) <= atol + rtol * std::abs(v[i]) && std::isfinite(v[i]);
    if (!close && u[i] != v[i] && !(equal_nan && std::isnan(u[i]) && std::isnan(v[i])))
      return false;
  }
  return true;
}

}  // namespace sonde
