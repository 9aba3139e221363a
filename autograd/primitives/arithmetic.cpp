// Negation, sum, difference, product, quotient, conversion.
#include "autograd/bases.hpp"
#include "autograd/primitives/call.hpp"

namespace sonde {
namespace {

// The tangent of a broadcast sum may come from one operand only, and then lacks the other's axes
// (and, if that operand is a number of the host, its device).
Var widened(Var t, const Var& out) {
  if (!(t.device() == out.device())) t = to(std::move(t), out.device());
  return t.shape() == out.shape() ? t : broadcast_to(std::move(t), out.shape());
}

class Neg final : public Named<Neg, Elementwise> {
 public:
  static constexpr std::string_view id = "neg";
  Neg() : Named(kernels::neg) {}
  Vars jvp(const Vars&, const Vars&, const Vars& t) const override { return {neg(t[0])}; }
  Vars vjp(const Vars&, const Vars&, const Vars& ct, Needs) const override { return {neg(ct[0])}; }
  Saves saves() const override { return Saves::nothing(); }
};

class Add final : public Named<Add, Elementwise> {
 public:
  static constexpr std::string_view id = "add";
  Add() : Named(kernels::add) {}
  Vars jvp(const Vars&, const Vars& out, const Vars& t) const override {
    if (t[0] && t[1]) return {add(t[0], t[1])};
    return {widened(t[0] ? t[0] : t[1], out[0])};
  }
  Vars vjp(const Vars& in, const Vars&, const Vars& ct, Needs needs) const override {
    return {needs[0] ? sum_to(ct[0], in[0].shape()) : Var(),
            needs[1] ? sum_to(ct[0], in[1].shape()) : Var()};
  }
  Saves saves() const override { return Saves::nothing(); }
};

class Sub final : public Named<Sub, Elementwise> {
 public:
  static constexpr std::string_view id = "sub";
  Sub() : Named(kernels::sub) {}
  Vars jvp(const Vars&, const Vars& out, const Vars& t) const override {
    if (t[0] && t[1]) return {sub(t[0], t[1])};
    return {widened(t[0] ? t[0] : neg(t[1]), out[0])};
  }
  Vars vjp(const Vars& in, const Vars&, const Vars& ct, Needs needs) const override {
    return {needs[0] ? sum_to(ct[0], in[0].shape()) : Var(),
            needs[1] ? neg(sum_to(ct[0], in[1].shape())) : Var()};
  }
  Saves saves() const override { return Saves::nothing(); }
};

class Mul final : public Named<Mul, Elementwise> {
 public:
  static constexpr std::string_view id = "mul";
  Mul() : Named(kernels::mul) {}
  Vars jvp(const Vars& in, const Vars&, const Vars& t) const override {
    if (!t[1]) return {mul(t[0], in[1])};
    Var second = mul(in[0], t[1]);
    return {t[0] ? add(mul(t[0], in[1]), std::move(second)) : second};
  }
  Vars vjp(const Vars& in, const Vars&, const Vars& ct, Needs needs) const override {
    return {needs[0] ? sum_to(mul(ct[0], in[1]), in[0].shape()) : Var(),
            needs[1] ? sum_to(mul(ct[0], in[0]), in[1].shape()) : Var()};
  }
  Saves saves() const override { return Saves::only_inputs(); }
};

class Div final : public Named<Div, Elementwise> {
 public:
  static constexpr std::string_view id = "div";
  Div() : Named(kernels::div) {}
  Vars jvp(const Vars& in, const Vars& out, const Vars& t) const override {
    if (!t[1]) return {div(t[0], in[1])};
    Var second = mul(t[1], out[0]);
    return {div(t[0] ? sub(t[0], std::move(second)) : neg(std::move(second)), in[1])};
  }
  Vars vjp(const Vars& in, const Vars& out, const Vars& ct, Needs needs) const override {
    Var scaled = div(ct[0], in[1]);
    return {needs[0] ? sum_to(scaled, in[0].shape()) : Var(),
            needs[1] ? neg(sum_to(mul(scaled, out[0]), in[1].shape())) : Var()};
  }
  // The numerator is not read.
  Saves saves() const override { return {0b10, 0b1}; }
};

// Conversion between dtypes; linear between float types.
class Cast final : public Named<Cast, Elementwise> {
 public:
  static constexpr std::string_view id = "cast";
  explicit Cast(DType to) : Named(kernels::copy), to_(to) {}
  Vars jvp(const Vars&, const Vars&, const Vars& t) const override { return {to(t[0], to_)}; }
  Vars vjp(const Vars& in, const Vars&, const Vars& ct, Needs) const override {
    return {to(ct[0], in[0].dtype())};
  }
  Saves saves() const override { return Saves::nothing(); }
  bool differentiable() const override { return is_differentiable(to_); }
  std::string attributes() const override { return fmt::format("dtype={}", to_); }

 protected:
  DType result_type(std::span<const Var>) const override { return to_; }

 private:
  DType to_;
};

class ToDevice final : public Named<ToDevice, Linear> {
 public:
  static constexpr std::string_view id = "to_device";
  explicit ToDevice(Device to) : to_(to) {}
  void infer(std::span<const Var> in, Specs& out) const override {
    out.emplace_back(Spec{in[0].shape(), in[0].dtype(), to_});
  }
  Vars forward(std::span<Tensor> in, const Specs&) const override {
    return make_vars(Var(in[0].to(to_)));
  }
  Vars vjp(const Vars& in, const Vars&, const Vars& ct, Needs) const override {
    return {to(ct[0], in[0].device())};
  }
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t) const override {
    return {emit(self(), in), {axes[0]}};
  }
  std::string attributes() const override { return fmt::format("device={}", to_); }

 private:
  Device to_;
};

class StopGradient final : public Named<StopGradient, Elementwise> {
 public:
  static constexpr std::string_view id = "stop_gradient";
  StopGradient() : Named(kernels::copy) {}
  Vars forward(std::span<Tensor> in, const Specs&) const override { return make_vars(Var(in[0])); }
  Vars jvp(const Vars&, const Vars&, const Vars&) const override { return {Var()}; }
  Vars vjp(const Vars&, const Vars&, const Vars&, Needs) const override { return {Var()}; }
  bool differentiable() const override { return false; }
};

}  // namespace

Var neg(Operand x) {
  return call_unary<Neg>(std::move(x));
}
Var add(Operand a, Operand b) {
  return call_binary<Add>(std::move(a), std::move(b));
}
Var sub(Operand a, Operand b) {
  return call_binary<Sub>(std::move(a), std::move(b));
}
Var mul(Operand a, Operand b) {
  return call_binary<Mul>(std::move(a), std::move(b));
}

Var div(Operand a, Operand b) {
  if (!a.is_scalar() && !is_float(a.var.dtype()))
    a.var = to({std::move(a.var), a.where}, DType::f32);
  if (!b.is_scalar() && !is_float(b.var.dtype()))
    b.var = to({std::move(b.var), b.where}, a.is_scalar() ? DType::f32 : a.var.dtype());
  return call_binary<Div>(std::move(a), std::move(b));
}

Var to(Operand x, DType dtype) {
  const std::source_location where = x.where;
  Var v = as_var(std::move(x));
  if (v.dtype() == dtype) return v;
  return emit1(make_ref<Cast>(dtype), make_vars(std::move(v)), where);
}

Var to(Operand x, Device device) {
  const std::source_location where = x.where;
  return emit1(make_ref<ToDevice>(device), make_vars(as_var(std::move(x))), where);
}

Var stop_gradient(Operand x) {
  return call_unary<StopGradient>(std::move(x));
}

}  // namespace sonde
