#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/elementwise_arithmetic.cpp"
#include <hwy/foreach_target.h>

#include <hwy/highway.h>

#include "tensor/cpu/elementwise-inl.hpp"
#include "tensor/functors/arithmetic.hpp"

HWY_BEFORE_NAMESPACE();
namespace sonde::cpu::HWY_NAMESPACE {

template <class D>
hn::Vec<D> Constant(D d, double v) {
  return hn::Set(d, static_cast<hn::TFromD<D>>(v));
}

struct Neg {
  template <class D, class V>
  V operator()(D, V x) const {
    return hn::Neg(x);
  }
};
struct Abs {
  template <class D, class V>
  V operator()(D, V x) const {
    return hn::Abs(x);
  }
};
struct Sign {
  template <class D, class V>
  V operator()(D d, V x) const {
    const V zero = hn::Zero(d), negative = hn::IfThenElseZero(hn::Lt(x, zero), Constant(d, -1));
    return hn::IfThenElse(hn::Gt(x, zero), Constant(d, 1), negative);
  }
};
struct Square {
  template <class D, class V>
  V operator()(D, V x) const {
    return hn::Mul(x, x);
  }
};
struct Sqrt {
  template <class D, class V>
  V operator()(D, V x) const {
    return hn::Sqrt(x);
  }
};
struct Rsqrt {
  template <class D, class V>
  V operator()(D d, V x) const {
    return hn::Div(Constant(d, 1), hn::Sqrt(x));
  }
};
struct Reciprocal {
  template <class D, class V>
  V operator()(D d, V x) const {
    return hn::Div(Constant(d, 1), x);
  }
};
struct Floor {
  template <class D, class V>
  V operator()(D, V x) const {
    return hn::Floor(x);
  }
};
struct Ceil {
  template <class D, class V>
  V operator()(D, V x) const {
    return hn::Ceil(x);
  }
};
struct Round {
  template <class D, class V>
  V operator()(D, V x) const {
    return hn::Round(x);
  }
};
struct Trunc {
  template <class D, class V>
  V operator()(D, V x) const {
    return hn::Trunc(x);
  }
};

struct Add {
  template <class D, class V>
  V operator()(D, V a, V b) const {
    return hn::Add(a, b);
  }
};
struct Sub {
  template <class D, class V>
  V operator()(D, V a, V b) const {
    return hn::Sub(a, b);
  }
};
struct Mul {
  template <class D, class V>
  V operator()(D, V a, V b) const {
    return hn::Mul(a, b);
  }
};
struct Div {
  template <class D, class V>
  V operator()(D, V a, V b) const {
    return hn::Div(a, b);
  }
};
// A NaN in either operand is the result.
struct Maximum {
  template <class D, class V>
  V operator()(D, V a, V b) const {
    return hn::IfThenElse(hn::Or(hn::Gt(a, b), hn::IsNaN(a)), a, b);
  }
};
struct Minimum {
  template <class D, class V>
  V operator()(D, V a, V b) const {
    return hn::IfThenElse(hn::Or(hn::Lt(a, b), hn::IsNaN(a)), a, b);
  }
};

// NaN passes through relu and clamp, and its cotangent through relu's derivative, as in PyTorch.
struct Relu {
  template <class D, class V>
  V operator()(D d, V x) const {
    return hn::IfThenZeroElse(hn::Le(x, hn::Zero(d)), x);
  }
};
struct ReluBackward {
  template <class D, class V>
  V operator()(D d, V c, V x) const {
    return hn::IfThenZeroElse(hn::Le(x, hn::Zero(d)), c);
  }
};
struct LeakyRelu {
  explicit LeakyRelu(const double* params) : slope(params[0]) {}
  template <class D, class V>
  V operator()(D d, V x) const {
    return (*this)(d, x, x);
  }
  template <class D, class V>
  V operator()(D d, V c, V x) const {
    return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), c, hn::Mul(Constant(d, slope), c));
  }
  double slope;
};
struct Clamp {
  explicit Clamp(const double* params) : low(params[0]), high(params[1]) {}
  template <class D, class V>
  V operator()(D d, V x) const {
    const V l = Constant(d, low), h = Constant(d, high), above = hn::IfThenElse(hn::Lt(x, l), l, x);
    return hn::IfThenElse(hn::Gt(above, h), h, above);
  }
  template <class D, class V>
  V operator()(D d, V c, V x) const {
    const auto inside = hn::And(hn::Ge(x, Constant(d, low)), hn::Le(x, Constant(d, high)));
    return hn::IfThenElseZero(inside, c);
  }
  double low, high;
};
struct TanhBackward {
  template <class D, class V>
  V operator()(D d, V c, V y) const {
    return hn::Mul(c, hn::NegMulAdd(y, y, Constant(d, 1)));
  }
};
struct SigmoidBackward {
  template <class D, class V>
  V operator()(D d, V c, V y) const {
    return hn::Mul(c, hn::Mul(y, hn::Sub(Constant(d, 1), y)));
  }
};

void InstallArithmetic() {
  AddVector<kernels::neg, Neg, 1>(Grain::light);
  AddIntegerLanes<kernels::neg, functors::Neg, 1>();
  AddVector<kernels::abs, Abs, 1>(Grain::light);
  AddIntegerLanes<kernels::abs, functors::Abs, 1>();
  AddVector<kernels::sign, Sign, 1>(Grain::light);
  AddIntegerLanes<kernels::sign, functors::Sign, 1>();
  AddVector<kernels::square, Square, 1>(Grain::light);
  AddIntegerLanes<kernels::square, functors::Square, 1>();
  AddVector<kernels::sqrt, Sqrt, 1>(Grain::light);
  AddVector<kernels::rsqrt, Rsqrt, 1>(Grain::light);
  AddVector<kernels::reciprocal, Reciprocal, 1>(Grain::light);
  AddVector<kernels::floor, Floor, 1>(Grain::light);
  AddVector<kernels::ceil, Ceil, 1>(Grain::light);
  AddVector<kernels::round, Round, 1>(Grain::light);
  AddVector<kernels::trunc, Trunc, 1>(Grain::light);
  AddVector<kernels::relu, Relu, 1>(Grain::light);
  AddVector<kernels::leaky_relu, LeakyRelu, 1>(Grain::light);
  AddVector<kernels::clamp, Clamp, 1>(Grain::light);
  AddVector<kernels::add, Add, 2>(Grain::light);
  AddIntegerLanes<kernels::add, functors::Add, 2>();
  AddVector<kernels::sub, Sub, 2>(Grain::light);
  AddIntegerLanes<kernels::sub, functors::Sub, 2>();
  AddVector<kernels::mul, Mul, 2>(Grain::light);
  AddIntegerLanes<kernels::mul, functors::Mul, 2>();
  AddVector<kernels::maximum, Maximum, 2>(Grain::light);
  AddIntegerLanes<kernels::maximum, functors::Maximum, 2>();
  AddVector<kernels::minimum, Minimum, 2>(Grain::light);
  AddIntegerLanes<kernels::minimum, functors::Minimum, 2>();
  AddVector<kernels::div, Div, 2>(Grain::light);
  AddVector<kernels::relu_backward, ReluBackward, 2>(Grain::light);
  AddVector<kernels::leaky_relu_backward, LeakyRelu, 2>(Grain::light);
  AddVector<kernels::clamp_backward, Clamp, 2>(Grain::light);
  AddVector<kernels::tanh_backward, TanhBackward, 2>(Grain::light);
  AddVector<kernels::sigmoid_backward, SigmoidBackward, 2>(Grain::light);
}

}  // namespace sonde::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sonde::cpu {
HWY_EXPORT(InstallArithmetic);
void install_arithmetic_loops() {
  HWY_DYNAMIC_DISPATCH(InstallArithmetic)();
}
}  // namespace sonde::cpu
#endif
