// Softmax and its relatives on one row. Compiled once per target by Highway.
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

/// e^x, 0 where that is below the smallest normal number: making denormals costs the processor some
/// 150 cycles, and rows with hidden elements or a partial vector (-inf) would pay them every time.
template <class D>
HWY_INLINE hn::Vec<D> exp_or_zero(D d, hn::Vec<D> x) {
  using T = hn::TFromD<D>;
  const auto tiny = hn::Lt(x, hn::Set(d, sizeof(T) == 4 ? T(-87.3) : T(-708.3)));
  return hn::IfThenZeroElse(tiny, simd::Exp(d, hn::IfThenZeroElse(tiny, x)));
}

template <class Layout, class T>
HWY_INLINE typename Layout::V row_maximum(const Layout& layout, const T* x) {
  const auto fill = lowest(layout);
  auto top = fill;
  layout.each([&](std::int64_t i, auto whole)
                  HWY_ATTR { top = hn::Max(top, layout.load(x, i, whole, fill)); });
  return layout.maximum(top);
}

/// Sum of exp(x - top); with Keep, the exponentials are stored in e.
template <bool Keep, class Layout, class T>
HWY_INLINE typename Layout::V row_exponentials(const Layout& layout, const T* x, T* e,
                                               typename Layout::V top) {
  const typename Layout::D d;
  auto sum = hn::Zero(d);
  layout.each([&](std::int64_t i, auto whole) HWY_ATTR {
    const auto v = exp_or_zero(d, hn::Sub(layout.load(x, i, whole, lowest(layout)), top));
    if constexpr (Keep) layout.store(v, e, i, whole);
    sum = hn::Add(sum, v);
  });
  return layout.total(sum);
}

/// Rows whose logarithms are taken together.
inline constexpr std::int64_t logarithm_block = 64;

/// lse[r] = log(sum(exp(row r of x))) for count <= logarithm_block rows, `size` apart.
template <class Layout, class T>
HWY_INLINE void row_logsumexp(const Layout& layout, const T* x, std::int64_t size,
                              std::int64_t count, T* lse) {
  const typename Layout::D d;
  T sums[logarithm_block];
  for (std::int64_t r = 0; r < count; ++r) {
    const auto top = row_maximum(layout, x + r * size);
    lse[r] = hn::GetLane(top);
    sums[r] =
        hn::GetLane(row_exponentials<false>(layout, x + r * size, static_cast<T*>(nullptr), top));
  }
  const AlongRow rows(d, count);
  rows.each([&](std::int64_t i, auto whole) HWY_ATTR {
    const auto log = simd::Log(d, rows.load(sums, i, whole, zero(layout)));
    rows.store(hn::Add(rows.load(lse, i, whole, zero(layout)), log), lse, i, whole);
  });
}

/// y may be x.
template <class Layout, class T>
HWY_INLINE void softmax_row(const Layout& layout, const T* x, T* y) {
  if (layout.single()) {
    const typename Layout::D d;
    const auto v = layout.load_single(x, lowest(layout));
    const auto e = exp_or_zero(d, hn::Sub(v, layout.maximum(v)));
    return layout.store_single(hn::Div(e, layout.total(e)), y);
  }
  const auto sum = row_exponentials<true>(layout, x, y, row_maximum(layout, x));
  const auto scale = hn::Div(hn::Set(typename Layout::D(), T(1)), sum);
  layout.each([&](std::int64_t i, auto whole) HWY_ATTR {
    layout.store(hn::Mul(layout.load(y, i, whole, zero(layout)), scale), y, i, whole);
  });
}

/// y = x - lse for count <= logarithm_block rows.
template <class Layout, class T>
HWY_INLINE void log_softmax_rows(const Layout& layout, const T* x, T* y, std::int64_t size,
                                 std::int64_t count) {
  T lse[logarithm_block];
  row_logsumexp(layout, x, size, count, lse);
  for (std::int64_t r = 0; r < count; ++r) {
    const auto shift = hn::Set(typename Layout::D(), lse[r]);
    layout.each([&](std::int64_t i, auto whole) HWY_ATTR {
      const auto v = layout.load(x + r * size, i, whole, zero(layout));
      layout.store(hn::Sub(v, shift), y + r * size, i, whole);
    });
  }
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
  layout.each([&](std::int64_t i, auto whole)
                  HWY_ATTR { sum = hn::Add(sum, layout.load(ct, i, whole, zero(layout))); });
  sum = layout.total(sum);
  layout.each([&](std::int64_t i, auto whole) HWY_ATTR {
    const auto p = exp_or_zero(d, layout.load(y, i, whole, zero(layout)));
    layout.store(hn::NegMulAdd(p, sum, layout.load(ct, i, whole, zero(layout))), g, i, whole);
  });
}

}  // namespace sonde::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // toggle
