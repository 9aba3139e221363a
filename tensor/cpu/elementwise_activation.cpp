#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/elementwise_activation.cpp"
#include <hwy/foreach_target.h>

#include <hwy/highway.h>

#include "tensor/cpu/elementwise-inl.hpp"
#include "tensor/cpu/simd_math-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sonde::cpu::HWY_NAMESPACE {

using simd::Constant;

// Phi(x), the normal distribution function.
template <class D, class V>
V NormalCdf(D d, V x) {
  const V erf = simd::Erf(d, hn::Mul(x, Constant(d, 0.70710678118654752)));
  return hn::MulAdd(Constant(d, 0.5), erf, Constant(d, 0.5));
}
// f(x) = x Phi(x), f' = Phi + x phi.
struct Gelu {
  template <class D, class V>
  V operator()(D d, V x) const {
    return hn::Mul(x, NormalCdf(d, x));
  }
  template <class D, class V>
  V operator()(D d, V c, V x) const {
    const V bell = simd::Exp(d, hn::Mul(Constant(d, -0.5), hn::Mul(x, x)));
    const V density = hn::Mul(Constant(d, 0.39894228040143268), bell);
    return hn::Mul(c, hn::MulAdd(x, density, NormalCdf(d, x)));
  }
};

// f(x) = x (1 + tanh u) / 2 = x s(2u) with u = sqrt(2/pi) (x + 0.044715 x^3); f' = s + x s (1 - s)
// 2u'.
struct GeluTanh {
  static constexpr double slope = 2 * 0.79788456080286536, cubic = 0.044715;
  template <class D, class V>
  V Gate(D d, V x) const {
    const V inner = hn::MulAdd(Constant(d, slope * cubic), hn::Mul(x, x), Constant(d, slope));
    return simd::Sigmoid(d, hn::Mul(x, inner));
  }
  template <class D, class V>
  V operator()(D d, V x) const {
    return hn::Mul(x, Gate(d, x));
  }
  template <class D, class V>
  V operator()(D d, V c, V x) const {
    const V s = Gate(d, x), t = hn::Mul(s, hn::Sub(Constant(d, 1), s));
    const V inner = hn::MulAdd(Constant(d, 3 * slope * cubic), hn::Mul(x, x), Constant(d, slope));
    return hn::Mul(c, hn::MulAdd(hn::Mul(x, t), inner, s));
  }
};

// f(x) = x s(x), f' = s (1 + x (1 - s)).
struct Silu {
  template <class D, class V>
  V operator()(D d, V x) const {
    return hn::Mul(x, simd::Sigmoid(d, x));
  }
  template <class D, class V>
  V operator()(D d, V c, V x) const {
    const V one = Constant(d, 1), s = simd::Sigmoid(d, x);
    return hn::Mul(c, hn::Mul(s, hn::MulAdd(x, hn::Sub(one, s), one)));
  }
};

struct Sigmoid {
  template <class D, class V>
  V operator()(D d, V x) const {
    return simd::Sigmoid(d, x);
  }
};

// f(x) = log(1 + e^(beta x)) / beta, and x itself where beta x > threshold.
struct Softplus {
  explicit Softplus(const double* params) : beta(params[0]), threshold(params[1]) {}
  template <class D, class V>
  V operator()(D d, V x) const {
    const V z = hn::Mul(Constant(d, beta), x);
    const V curved = hn::Div(simd::Softplus(d, z), Constant(d, beta));
    return hn::IfThenElse(hn::Gt(z, Constant(d, threshold)), x, curved);
  }
  template <class D, class V>
  V operator()(D d, V c, V x) const {
    const V z = hn::Mul(Constant(d, beta), x);
    return hn::IfThenElse(hn::Gt(z, Constant(d, threshold)), c, hn::Mul(c, simd::Sigmoid(d, z)));
  }
  double beta, threshold;
};

// f(x) = alpha (e^x - 1) below 0.
struct Elu {
  explicit Elu(const double* params) : alpha(params[0]) {}
  template <class D, class V>
  V operator()(D d, V x) const {
    const V below = hn::Mul(Constant(d, alpha), simd::Expm1(d, x));
    return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x, below);
  }
  template <class D, class V>
  V operator()(D d, V c, V x) const {
    const V below = hn::Mul(c, hn::Mul(Constant(d, alpha), simd::Exp(d, x)));
    return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), c, below);
  }
  double alpha;
};

template <Kernel<kernels::Elementwise>& forward, Kernel<kernels::Elementwise>& backward, class Op>
void AddActivation() {
  AddVector<forward, Op, 1>(Grain::heavy);
  AddVector<backward, Op, 2>(Grain::heavy);
}

void InstallActivations() {
  AddVector<kernels::sigmoid, Sigmoid, 1>(Grain::heavy);
  AddActivation<kernels::gelu, kernels::gelu_backward, Gelu>();
  AddActivation<kernels::gelu_tanh, kernels::gelu_tanh_backward, GeluTanh>();
  AddActivation<kernels::silu, kernels::silu_backward, Silu>();
  AddActivation<kernels::softplus, kernels::softplus_backward, Softplus>();
  AddActivation<kernels::elu, kernels::elu_backward, Elu>();
}

}  // namespace sonde::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sonde::cpu {
HWY_EXPORT(InstallActivations);
void install_activation_loops() {
  HWY_DYNAMIC_DISPATCH(InstallActivations)();
}
}  // namespace sonde::cpu
#endif
