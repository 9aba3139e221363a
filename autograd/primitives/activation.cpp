// Activation functions. Each has a primitive for c f'(x), so that its backward pass is one pass
// over memory.
#include <numbers>

#include "autograd/bases.hpp"
#include "autograd/primitives/call.hpp"

namespace sonde {
namespace {

// An elementwise primitive with up to two scalar attributes.
template <class D>
class WithAttributes : public Named<D, Elementwise> {
 public:
  WithAttributes(Elementwise::Slot& slot, double first = 0, double second = 0)
      : Named<D, Elementwise>(slot), attributes_{first, second} {}

 protected:
  const double* params() const override { return attributes_; }
  double attribute(int i) const { return attributes_[i]; }

 private:
  double attributes_[2];
};

// g(c, x) = c f'(x), linear in c. D::curve(c, x) is its derivative by x, or empty where that is
// zero.
template <class D>
class Slope : public WithAttributes<D> {
 public:
  using WithAttributes<D>::WithAttributes;
  Vars jvp(const Vars& in, const Vars&, const Vars& t) const override {
    Var first = t[0] ? again(t[0], in[1]) : Var();
    Var bend = t[1] ? bent(in, t[1]) : Var();
    if (first && bend) return {add(std::move(first), std::move(bend))};
    return {first ? std::move(first) : std::move(bend)};
  }
  Vars vjp(const Vars& in, const Vars&, const Vars& ct, Needs needs) const override {
    return {needs[0] ? again(ct[0], in[1]) : Var(), needs[1] ? bent(in, ct[0]) : Var()};
  }
  Saves saves() const override { return Saves::only_inputs(); }

 protected:
  Var again(const Var& c, const Var& x) const { return emit1(this->self(), make_vars(c, x)); }

 private:
  Var bent(const Vars& in, const Var& t) const {
    Var curve = static_cast<const D*>(this)->curve(in[0], in[1]);
    return curve ? mul(t, std::move(curve)) : Var();
  }
};

// y = f(x), whose derivative is the primitive G on (t, x), or on (t, y) if it is stated by the
// output.
template <class D, class G, bool by_output = false>
class Activation : public WithAttributes<D> {
 public:
  Activation(Elementwise::Slot& slot, double first = 0, double second = 0)
      : WithAttributes<D>(slot, first, second), slope_(make_ref<G>(first, second)) {}
  Vars jvp(const Vars& in, const Vars& out, const Vars& t) const override {
    return {emit1(slope_, make_vars(t[0], by_output ? out[0] : in[0]))};
  }
  Vars vjp(const Vars& in, const Vars& out, const Vars& ct, Needs) const override {
    return {emit1(slope_, make_vars(ct[0], by_output ? out[0] : in[0]))};
  }
  Saves saves() const override { return by_output ? Saves::only_outputs() : Saves::only_inputs(); }

 private:
  PrimitivePtr slope_;
};

class ReluBackward final : public Slope<ReluBackward> {
 public:
  static constexpr std::string_view id = "relu_backward";
  ReluBackward(double first, double second) : Slope(kernels::relu_backward, first, second) {}
  Var curve(const Var&, const Var&) const { return {}; }
};
// By the result, which the next layer keeps as well: one tensor saved instead of two.
class Relu final : public Activation<Relu, ReluBackward, true> {
 public:
  static constexpr std::string_view id = "relu";
  Relu() : Activation(kernels::relu) {}
};

class LeakyReluBackward final : public Slope<LeakyReluBackward> {
 public:
  static constexpr std::string_view id = "leaky_relu_backward";
  LeakyReluBackward(double first, double second)
      : Slope(kernels::leaky_relu_backward, first, second) {}
  Var curve(const Var&, const Var&) const { return {}; }
};
class LeakyRelu final : public Activation<LeakyRelu, LeakyReluBackward> {
 public:
  static constexpr std::string_view id = "leaky_relu";
  LeakyRelu(double negative_slope) : Activation(kernels::leaky_relu, negative_slope) {}
  std::string attributes() const override { return fmt::format("negative_slope={}", attribute(0)); }
};

// f'' = f' below 0.
class EluBackward final : public Slope<EluBackward> {
 public:
  static constexpr std::string_view id = "elu_backward";
  EluBackward(double first, double second) : Slope(kernels::elu_backward, first, second) {}
  Var curve(const Var& c, const Var& x) const { return where(gt(x, 0.0), 0.0, again(c, x)); }
};
class Elu final : public Activation<Elu, EluBackward> {
 public:
  static constexpr std::string_view id = "elu";
  Elu(double alpha) : Activation(kernels::elu, alpha) {}
  std::string attributes() const override { return fmt::format("alpha={}", attribute(0)); }
};

// By the output: c (1 - y^2) and c y (1 - y).
class TanhBackward final : public Slope<TanhBackward> {
 public:
  static constexpr std::string_view id = "tanh_backward";
  TanhBackward(double first, double second) : Slope(kernels::tanh_backward, first, second) {}
  Var curve(const Var& c, const Var& y) const { return mul(c, mul(y, -2.0)); }
};
class Tanh final : public Activation<Tanh, TanhBackward, true> {
 public:
  static constexpr std::string_view id = "tanh";
  Tanh() : Activation(kernels::tanh) {}
};

class SigmoidBackward final : public Slope<SigmoidBackward> {
 public:
  static constexpr std::string_view id = "sigmoid_backward";
  SigmoidBackward(double first, double second) : Slope(kernels::sigmoid_backward, first, second) {}
  Var curve(const Var& c, const Var& y) const { return mul(c, sub(1.0, mul(y, 2.0))); }
};
class Sigmoid final : public Activation<Sigmoid, SigmoidBackward, true> {
 public:
  static constexpr std::string_view id = "sigmoid";
  Sigmoid() : Activation(kernels::sigmoid) {}
};

// With s = sigmoid(x): f' = s (1 + x (1 - s)), f'' = s (1 - s) (2 + x (1 - 2s)).
class SiluBackward final : public Slope<SiluBackward> {
 public:
  static constexpr std::string_view id = "silu_backward";
  SiluBackward(double first, double second) : Slope(kernels::silu_backward, first, second) {}
  Var curve(const Var& c, const Var& x) const {
    const Var s = sigmoid(x), t = mul(s, sub(1.0, s));
    return mul(c, mul(t, add(mul(x, sub(1.0, mul(s, 2.0))), 2.0)));
  }
};
class Silu final : public Activation<Silu, SiluBackward> {
 public:
  static constexpr std::string_view id = "silu";
  Silu() : Activation(kernels::silu) {}
};

// f' = Phi + x phi, f'' = (2 - x^2) phi.
class GeluBackward final : public Slope<GeluBackward> {
 public:
  static constexpr std::string_view id = "gelu_backward";
  GeluBackward(double first, double second) : Slope(kernels::gelu_backward, first, second) {}
  Var curve(const Var& c, const Var& x) const {
    constexpr double density_at_0 = std::numbers::inv_sqrtpi / std::numbers::sqrt2;
    const Var z = square(x), bell = exp(mul(z, -0.5));
    return mul(c, mul(mul(sub(2.0, z), bell), density_at_0));
  }
};
class Gelu final : public Activation<Gelu, GeluBackward> {
 public:
  static constexpr std::string_view id = "gelu";
  Gelu() : Activation(kernels::gelu) {}
};

// f = x s(v) with v = k (x + 0.044715 x^3): f'' = s' (2 v' + x v'') + x s'' v'^2, s' = s (1 - s),
// s'' = s' (1 - 2s).
class GeluTanhBackward final : public Slope<GeluTanhBackward> {
 public:
  static constexpr std::string_view id = "gelu_tanh_backward";
  GeluTanhBackward(double first, double second)
      : Slope(kernels::gelu_tanh_backward, first, second) {}
  Var curve(const Var& c, const Var& x) const {
    const double k = 2 * std::numbers::sqrt2 * std::numbers::inv_sqrtpi, cubic = 0.044715;
    const Var z = square(x), s = sigmoid(mul(x, add(mul(z, k * cubic), k)));
    const Var s1 = mul(s, sub(1.0, s)), v1 = add(mul(z, 3 * k * cubic), k);
    const Var bend = mul(mul(x, sub(1.0, mul(s, 2.0))), square(v1));
    return mul(c, mul(s1, add(add(mul(v1, 2.0), mul(z, 6 * k * cubic)), bend)));
  }
};
class GeluTanh final : public Activation<GeluTanh, GeluTanhBackward> {
 public:
  static constexpr std::string_view id = "gelu_tanh";
  GeluTanh() : Activation(kernels::gelu_tanh) {}
};

// f' = sigmoid(beta x), and 1 above the threshold.
class SoftplusBackward final : public Slope<SoftplusBackward> {
 public:
  static constexpr std::string_view id = "softplus_backward";
  SoftplusBackward(double first, double second)
      : Slope(kernels::softplus_backward, first, second) {}
  Var curve(const Var& c, const Var& x) const {
    const double beta = attribute(0);
    const Var z = mul(x, beta), s = sigmoid(z);
    return where(gt(z, attribute(1)), 0.0, mul(c, mul(mul(s, sub(1.0, s)), beta)));
  }
};
class Softplus final : public Activation<Softplus, SoftplusBackward> {
 public:
  static constexpr std::string_view id = "softplus";
  Softplus(double beta, double threshold) : Activation(kernels::softplus, beta, threshold) {}
  std::string attributes() const override {
    return fmt::format("beta={}, threshold={}", attribute(0), attribute(1));
  }
};

template <class P, class... Attributes>
Var call_with(Operand x, Attributes... attributes) {
  const std::source_location where = x.where;
  return emit1(make_ref<P>(attributes...), make_vars(as_float(as_var(std::move(x)))), where);
}

}  // namespace

Var relu(Operand x) {
  return call_float<Relu>(std::move(x));
}
Var sigmoid(Operand x) {
  return call_float<Sigmoid>(std::move(x));
}
Var silu(Operand x) {
  return call_float<Silu>(std::move(x));
}
Var gelu(Operand x) {
  return call_float<Gelu>(std::move(x));
}
Var gelu_tanh(Operand x) {
  return call_float<GeluTanh>(std::move(x));
}
Var tanh(Operand x) {
  return call_float<Tanh>(std::move(x));
}
Var leaky_relu(Operand x, double negative_slope) {
  return call_with<LeakyRelu>(std::move(x), negative_slope);
}
Var elu(Operand x, double alpha) {
  return call_with<Elu>(std::move(x), alpha);
}

Var softplus(Operand x, double beta, double threshold) {
  if (!(beta > 0)) fail(ErrorCode::value, Softplus::id, "beta {} is not positive", beta);
  return call_with<Softplus>(std::move(x), beta, threshold);
}

}  // namespace sonde
