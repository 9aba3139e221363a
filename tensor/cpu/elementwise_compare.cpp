#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/elementwise_compare.cpp"
#include <hwy/foreach_target.h>

#include <hwy/highway.h>

#include <cmath>

#include "tensor/cpu/elementwise-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sonde::cpu::HWY_NAMESPACE {

struct Eq {
  template <class T>
  bool operator()(T a, T b) const {
    return a == b;
  }
};
struct Ne {
  template <class T>
  bool operator()(T a, T b) const {
    return a != b;
  }
};
struct Lt {
  template <class T>
  bool operator()(T a, T b) const {
    return a < b;
  }
};
struct Le {
  template <class T>
  bool operator()(T a, T b) const {
    return a <= b;
  }
};
struct Gt {
  template <class T>
  bool operator()(T a, T b) const {
    return a > b;
  }
};
struct Ge {
  template <class T>
  bool operator()(T a, T b) const {
    return a >= b;
  }
};
struct LogicalNot {
  template <class T>
  bool operator()(T x) const {
    return x == T(0);
  }
};
struct LogicalAnd {
  template <class T>
  bool operator()(T a, T b) const {
    return (a != T(0)) & (b != T(0));
  }
};
struct LogicalOr {
  template <class T>
  bool operator()(T a, T b) const {
    return (a != T(0)) | (b != T(0));
  }
};
struct LogicalXor {
  template <class T>
  bool operator()(T a, T b) const {
    return (a != T(0)) != (b != T(0));
  }
};

struct IsNan {
  template <class T>
  bool operator()(T x) const {
    return x != x;
  }
};
struct IsInf {
  template <class T>
  bool operator()(T x) const {
    return std::abs(x) == std::numeric_limits<T>::infinity();
  }
};
struct IsFinite {
  template <class T>
  bool operator()(T x) const {
    return std::abs(x) <= std::numeric_limits<T>::max();
  }
};

struct Where {
  template <class T>
  T operator()(bool condition, T a, T b) const {
    return condition ? a : b;
  }
};

// Where for elements of 4 or 8 bytes. Left to compilers, conditions of another width than the
// values become branches, which are mispredicted.
template <class T>
class WhereKernel {
 public:
  explicit WhereKernel(const double*) {}

  void operator()(T* out, std::size_t n, const bool* condition, const T* a, const T* b) const {
    constexpr hn::ScalableTag<T> d;
    const std::size_t lanes = hn::Lanes(d);
    std::size_t i = 0;
    for (; i + lanes <= n; i += lanes) {
      const auto chosen = hn::RebindMask(d, hn::Ne(Words(condition + i), hn::Zero(words_)));
      hn::StoreU(hn::IfThenElse(chosen, hn::LoadU(d, a + i), hn::LoadU(d, b + i)), d, out + i);
    }
    for (; i < n; ++i) out[i] = Where()(condition[i], a[i], b[i]);
  }

 private:
  // Bytes as words of T's width.
  static hn::Vec<hn::RebindToUnsigned<hn::ScalableTag<T>>> Words(const bool* condition) {
    constexpr hn::Rebind<std::uint8_t, hn::ScalableTag<T>> bytes;
    constexpr hn::Rebind<std::uint32_t, hn::ScalableTag<T>> halves;
    const auto v =
        hn::PromoteTo(halves, hn::LoadU(bytes, reinterpret_cast<const std::uint8_t*>(condition)));
    if constexpr (sizeof(T) == 4)
      return v;
    else
      return hn::PromoteTo(words_, v);
  }
  static constexpr hn::RebindToUnsigned<hn::ScalableTag<T>> words_{};
};

struct Pow {
  template <class T>
  T operator()(T base, T exponent) const {
    if constexpr (std::is_floating_point_v<T>)
      return std::pow(base, exponent);
    else
      return Integer(base, exponent);
  }
  // By repeated squaring, modulo 2^bits. Negative exponents leave 1, -1 or 0.
  template <class T>
  T Integer(T base, T exponent) const {
    if (exponent < T(0))
      return static_cast<T>(base == T(1) ? 1 : base != T(-1) ? 0 : exponent % 2 == 0 ? 1 : -1);
    std::make_unsigned_t<T> power = 1, factor = static_cast<std::make_unsigned_t<T>>(base);
    for (; exponent != 0; exponent = static_cast<T>(exponent / 2), factor *= factor)
      if (exponent % 2 != 0) power *= factor;
    return static_cast<T>(power);
  }
};

struct Fmod {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_floating_point_v<T>)
      return std::fmod(a, b);
    else
      return b == T(0) || b == T(-1) ? T(0) : static_cast<T>(a % b);  // a % -1 may overflow
  }
};

struct Remainder {
  template <class T>
  T operator()(T a, T b) const {
    const T r = Fmod()(a, b);
    return r != T(0) && (r < T(0)) != (b < T(0)) ? static_cast<T>(r + b) : r;
  }
};

template <class T>
void AddWhere() {
  using Kernel = std::conditional_t<sizeof(T) >= 4, WhereKernel<T>, LaneKernel<Where, T>>;
  install<kernels::where>(dtype_of<T>, {&ElementLoop<Kernel, T, bool, T, T>::Run});
}

void InstallCompare() {
  AddPredicate<kernels::eq, Eq, 2>();
  AddPredicate<kernels::ne, Ne, 2>();
  AddPredicate<kernels::lt, Lt, 2>();
  AddPredicate<kernels::le, Le, 2>();
  AddPredicate<kernels::gt, Gt, 2>();
  AddPredicate<kernels::ge, Ge, 2>();
  AddPredicate<kernels::logical_not, LogicalNot, 1>();
  AddPredicate<kernels::logical_and, LogicalAnd, 2>();
  AddPredicate<kernels::logical_or, LogicalOr, 2>();
  AddPredicate<kernels::logical_xor, LogicalXor, 2>();
  AddFloatPredicate<kernels::isnan, IsNan, 1>();
  AddFloatPredicate<kernels::isinf, IsInf, 1>();
  AddFloatPredicate<kernels::isfinite, IsFinite, 1>();
  AddWhere<float>();
  AddWhere<double>();
  AddWhere<std::int32_t>();
  AddWhere<std::int64_t>();
  AddWhere<std::uint8_t>();
  AddWhere<bool>();
  AddFloatLanes<kernels::pow, Pow, 2>(Grain::library);
  AddIntegerLanes<kernels::pow, Pow, 2>(Grain::library);
  AddFloatLanes<kernels::fmod, Fmod, 2>(Grain::library);
  AddIntegerLanes<kernels::fmod, Fmod, 2>(Grain::library);
  AddFloatLanes<kernels::remainder, Remainder, 2>(Grain::library);
  AddIntegerLanes<kernels::remainder, Remainder, 2>(Grain::library);
}

}  // namespace sonde::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sonde::cpu {
HWY_EXPORT(InstallCompare);
void install_compare_loops() {
  HWY_DYNAMIC_DISPATCH(InstallCompare)();
}
}  // namespace sonde::cpu
#endif
