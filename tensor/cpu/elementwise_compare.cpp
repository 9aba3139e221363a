#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/elementwise_compare.cpp"
#include <hwy/foreach_target.h>

#include <hwy/highway.h>

#include "tensor/cpu/elementwise-inl.hpp"
#include "tensor/functors/arithmetic.hpp"
#include "tensor/functors/compare.hpp"

HWY_BEFORE_NAMESPACE();
namespace sonde::cpu::HWY_NAMESPACE {

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
    for (; i < n; ++i) out[i] = functors::Where()(condition[i], a[i], b[i]);
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

template <class T>
void AddWhere() {
  using Kernel = std::conditional_t<sizeof(T) >= 4, WhereKernel<T>, LaneKernel<functors::Where, T>>;
  install<kernels::where>(dtype_of<T>, {&ElementLoop<Kernel, T, bool, T, T>::Run});
}

void InstallCompare() {
  AddPredicate<kernels::eq, functors::Eq, 2>();
  AddPredicate<kernels::ne, functors::Ne, 2>();
  AddPredicate<kernels::lt, functors::Lt, 2>();
  AddPredicate<kernels::le, functors::Le, 2>();
  AddPredicate<kernels::gt, functors::Gt, 2>();
  AddPredicate<kernels::ge, functors::Ge, 2>();
  AddPredicate<kernels::logical_not, functors::LogicalNot, 1>();
  AddPredicate<kernels::logical_and, functors::LogicalAnd, 2>();
  AddPredicate<kernels::logical_or, functors::LogicalOr, 2>();
  AddPredicate<kernels::logical_xor, functors::LogicalXor, 2>();
  AddFloatPredicate<kernels::isnan, functors::IsNan, 1>();
  AddFloatPredicate<kernels::isinf, functors::IsInf, 1>();
  AddFloatPredicate<kernels::isfinite, functors::IsFinite, 1>();
  AddWhere<float>();
  AddWhere<double>();
  AddWhere<std::int32_t>();
  AddWhere<std::int64_t>();
  AddWhere<std::uint8_t>();
  AddWhere<bool>();
  AddFloatLanes<kernels::pow, functors::Pow, 2>(Grain::library);
  AddIntegerLanes<kernels::pow, functors::Pow, 2>(Grain::library);
  AddFloatLanes<kernels::fmod, functors::Fmod, 2>(Grain::library);
  AddIntegerLanes<kernels::fmod, functors::Fmod, 2>(Grain::library);
  AddFloatLanes<kernels::remainder, functors::Remainder, 2>(Grain::library);
  AddIntegerLanes<kernels::remainder, functors::Remainder, 2>(Grain::library);
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
