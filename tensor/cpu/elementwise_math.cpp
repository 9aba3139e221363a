#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/elementwise_math.cpp"
#include <hwy/foreach_target.h>

#include <hwy/highway.h>

#include "tensor/cpu/elementwise-inl.hpp"
#include "tensor/cpu/simd_math-inl.hpp"
#include "tensor/cpu/simd_trig-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sonde::cpu::HWY_NAMESPACE {

struct Exp {
  template <class D, class V>
  V operator()(D d, V x) const {
    return simd::Exp(d, x);
  }
};
struct Expm1 {
  template <class D, class V>
  V operator()(D d, V x) const {
    return simd::Expm1(d, x);
  }
};
struct Log {
  template <class D, class V>
  V operator()(D d, V x) const {
    return simd::Log(d, x);
  }
};
struct Log1p {
  template <class D, class V>
  V operator()(D d, V x) const {
    return simd::Log1p(d, x);
  }
};
struct Sin {
  template <class D, class V>
  V operator()(D d, V x) const {
    return simd::Sin(d, x);
  }
};
struct Cos {
  template <class D, class V>
  V operator()(D d, V x) const {
    return simd::Cos(d, x);
  }
};
struct Tan {
  template <class D, class V>
  V operator()(D d, V x) const {
    return simd::Tan(d, x);
  }
};
struct Tanh {
  template <class D, class V>
  V operator()(D d, V x) const {
    return simd::Tanh(d, x);
  }
};
struct Sinh {
  template <class D, class V>
  V operator()(D d, V x) const {
    return simd::Sinh(d, x);
  }
};
struct Cosh {
  template <class D, class V>
  V operator()(D d, V x) const {
    return simd::Cosh(d, x);
  }
};
struct Asin {
  template <class D, class V>
  V operator()(D d, V x) const {
    return simd::Asin(d, x);
  }
};
struct Acos {
  template <class D, class V>
  V operator()(D d, V x) const {
    return simd::Acos(d, x);
  }
};
struct Atan {
  template <class D, class V>
  V operator()(D d, V x) const {
    return simd::Atan(d, x);
  }
};
struct Erf {
  template <class D, class V>
  V operator()(D d, V x) const {
    return simd::Erf(d, x);
  }
};
struct Erfc {
  template <class D, class V>
  V operator()(D d, V x) const {
    return simd::Erfc(d, x);
  }
};
struct Atan2 {
  template <class D, class V>
  V operator()(D d, V y, V x) const {
    return simd::Atan2(d, y, x);
  }
};

void InstallMath() {
  AddVector<kernels::exp, Exp, 1>(Grain::heavy);
  AddVector<kernels::expm1, Expm1, 1>(Grain::heavy);
  AddVector<kernels::log, Log, 1>(Grain::heavy);
  AddVector<kernels::log1p, Log1p, 1>(Grain::heavy);
  AddVector<kernels::sin, Sin, 1>(Grain::heavy);
  AddVector<kernels::cos, Cos, 1>(Grain::heavy);
  AddVector<kernels::tan, Tan, 1>(Grain::heavy);
  AddVector<kernels::tanh, Tanh, 1>(Grain::heavy);
  AddVector<kernels::sinh, Sinh, 1>(Grain::heavy);
  AddVector<kernels::cosh, Cosh, 1>(Grain::heavy);
  AddVector<kernels::asin, Asin, 1>(Grain::heavy);
  AddVector<kernels::acos, Acos, 1>(Grain::heavy);
  AddVector<kernels::atan, Atan, 1>(Grain::heavy);
  AddVector<kernels::erf, Erf, 1>(Grain::heavy);
  AddVector<kernels::erfc, Erfc, 1>(Grain::heavy);
  AddVector<kernels::atan2, Atan2, 2>(Grain::heavy);
}

}  // namespace sonde::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sonde::cpu {
HWY_EXPORT(InstallMath);
void install_math_loops() {
  HWY_DYNAMIC_DISPATCH(InstallMath)();
}
}  // namespace sonde::cpu
#endif
