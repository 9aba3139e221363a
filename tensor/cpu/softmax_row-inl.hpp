// Softmax and its relatives on one layout of rows (see row_simd-inl.hpp). Compiled once per target by Highway.
#if defined(SONDE_TENSOR_CPU_SOFTMAX_ROW_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef SONDE_TENSOR_CPU_SOFTMAX_ROW_INL_HPP
#undef SONDE_TENSOR_CPU_SOFTMAX_ROW_INL_HPP
#else
#define SONDE_TENSOR_CPU_SOFTMAX_ROW_INL_HPP
#endif

#include <limits>

#include "tensor/cpu/row_simd-inl.hpp"
#include "tensor/cpu/simd_math-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sonde::cpu::HWY_NAMESPACE {

template <class Layout>
HWY_INLINE typename Layout::V lowest(const Layout&) {
  return hn::Set(typename Layout::D(), -std::numeric_limits<typename Layout::T>::infinity());
}
template <class Layout>
HWY_INLINE typename Layout::V zero(const Layout&) {
  return hn::Zero(typename Layout::D());
}

template <class Layout, class T>
HWY_INLINE typename Layout::V row_maximum(const Layout& layout, const T* x) {
  const auto fill = lowest(layout);
  auto top = fill;
  layout.each([&](std::int64_t i, auto whole) HWY_ATTR {
    top = hn::Max(top, layout.load(x, i, whole, fill));
  });
  return layout.maximum(top);
}

/// Sum of exp(x - top); with Keep, the exponentials are stored in e.
template <bool Keep, class Layout, class T>
HWY_INLINE typename Layout::V row_exponentials(const Layout& layout, const T* x, T* e,
                                               typename Layout::V top) {
  const typename Layout::D d;
  auto sum = hn::Zero(d);
  layout.each([&](std::int64_t i, auto whole) HWY_ATTR {
    const auto v = simd::Exp(d, hn::Sub(layout.load(x, i, whole, lowest(layout)), top));
    if constexpr (Keep) layout.store(v, e, i, whole);
    sum = hn::Add(sum, v);
  });
  return layout.total(sum);
}

/// log(sum(exp(x))) of each row.
template <class Layout, class T>
HWY_INLINE typename Layout::V row_logsumexp(const Layout& layout, const T* x) {
  const typename Layout::D d;
  const auto top = row_maximum(layout, x);
  const auto sum = row_exponentials<false>(layout, x, static_cast<T*>(nullptr), top);
  return hn::Add(top, simd::Log(d, sum));
}

/// y may be x.
template <class Layout, class T>
HWY_INLINE void softmax_row(const Layout& layout, const T* x, T* y) {
  const auto sum = row_exponentials<true>(layout, x, y, row_maximum(layout, x));
  const auto scale = hn::Div(hn::Set(typename Layout::D(), T(1)), sum);
  layout.each([&](std::int64_t i, auto whole) HWY_ATTR {
    layout.store(hn::Mul(layout.load(y, i, whole, zero(layout)), scale), y, i, whole);
  });
}

template <class Layout, class T>
HWY_INLINE void log_softmax_row(const Layout& layout, const T* x, T* y) {
  const auto lse = row_logsumexp(layout, x);
  layout.each([&](std::int64_t i, auto whole) HWY_ATTR {
    layout.store(hn::Sub(layout.load(x, i, whole, zero(layout)), lse), y, i, whole);
  });
}

/// g = y (ct - <y, ct>)
template <class Layout, class T>
HWY_INLINE void softmax_grad_row(const Layout& layout, const T* y, const T* ct, T* g) {
  auto dot = zero(layout);
  layout.each([&](std::int64_t i, auto whole) HWY_ATTR {
    dot = hn::MulAdd(layout.load(y, i, whole, zero(layout)),
                     layout.load(ct, i, whole, zero(layout)), dot);
  });
  dot = layout.total(dot);
  layout.each([&](std::int64_t i, auto whole) HWY_ATTR {
    const auto c = hn::Sub(layout.load(ct, i, whole, zero(layout)), dot);
    layout.store(hn::Mul(layout.load(y, i, whole, zero(layout)), c), g, i, whole);
  });
}

/// g = ct - exp(y) <1, ct>
template <class Layout, class T>
HWY_INLINE void log_softmax_grad_row(const Layout& layout, const T* y, const T* ct, T* g) {
  const typename Layout::D d;
  auto sum = zero(layout);
  layout.each([&](std::int64_t i, auto whole) HWY_ATTR {
    sum = hn::Add(sum, layout.load(ct, i, whole, zero(layout)));
  });
  sum = layout.total(sum);
  layout.each([&](std::int64_t i, auto whole) HWY_ATTR {
    const auto p = simd::Exp(d, layout.load(y, i, whole, zero(layout)));
    layout.store(hn::NegMulAdd(p, sum, layout.load(ct, i, whole, zero(layout))), g, i, whole);
  });
}

}  // namespace sonde::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // toggle
