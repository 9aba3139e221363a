// The arithmetic of LSTM gates on vectors of units. Compiled once per target by Highway.
#if defined(SONDE_TENSOR_CPU_LSTM_GATES_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef SONDE_TENSOR_CPU_LSTM_GATES_INL_HPP
#undef SONDE_TENSOR_CPU_LSTM_GATES_INL_HPP
#else
#define SONDE_TENSOR_CPU_LSTM_GATES_INL_HPP
#endif

#include "tensor/cpu/row_simd-inl.hpp"
#include "tensor/cpu/simd_math-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sonde::cpu::HWY_NAMESPACE {

/// i, f, g, o of the same units, or their cotangents.
template <class D>
struct Gates {
  hn::Vec<D> i, f, g, o;
};

template <class D>
HWY_INLINE Gates<D> activate(D d, const Gates<D>& a) {
  return {simd::Sigmoid(d, a.i), simd::Sigmoid(d, a.f), simd::Tanh(d, a.g), simd::Sigmoid(d, a.o)};
}

/// c' = f c + i g
template <class D, class V = hn::Vec<D>>
HWY_INLINE V next_cell(D, const Gates<D>& s, V c) {
  return hn::MulAdd(s.f, c, hn::Mul(s.i, s.g));
}

/// h = o tanh(c')
template <class D, class V = hn::Vec<D>>
HWY_INLINE V hidden(D d, const Gates<D>& s, V next) {
  return hn::Mul(s.o, simd::Tanh(d, next));
}

/// Cotangents of the pre-activations; dc goes from that of the cell after the step to that of the
/// cell before.
template <class D, class V = hn::Vec<D>>
HWY_INLINE Gates<D> gate_cotangents(D d, const Gates<D>& s, V before, V after, V dh, V& dc) {
  const V one = hn::Set(d, hn::TFromD<D>(1)), t = simd::Tanh(d, after);
  auto slope = [&](V sigma) HWY_ATTR { return hn::Mul(sigma, hn::Sub(one, sigma)); };
  const V total = hn::MulAdd(hn::Mul(dh, s.o), hn::NegMulAdd(t, t, one), dc);
  dc = hn::Mul(total, s.f);
  return {hn::Mul(hn::Mul(total, s.g), slope(s.i)), hn::Mul(hn::Mul(total, before), slope(s.f)),
          hn::Mul(hn::Mul(total, s.i), hn::NegMulAdd(s.g, s.g, one)),
          hn::Mul(hn::Mul(dh, t), slope(s.o))};
}

/// The four quarters of a row [4H] at unit u.
template <class Layout, class T, class Whole>
HWY_INLINE Gates<typename Layout::D> load_gates(const Layout& row, const T* p, std::int64_t hidden,
                                                std::int64_t u, Whole whole) {
  const auto zero = hn::Zero(typename Layout::D());
  return {row.load(p, u, whole, zero), row.load(p + hidden, u, whole, zero),
          row.load(p + 2 * hidden, u, whole, zero), row.load(p + 3 * hidden, u, whole, zero)};
}
template <class Layout, class T, class Whole>
HWY_INLINE void store_gates(const Layout& row, const Gates<typename Layout::D>& s, T* p,
                            std::int64_t hidden, std::int64_t u, Whole whole) {
  row.store(s.i, p, u, whole);
  row.store(s.f, p + hidden, u, whole);
  row.store(s.g, p + 2 * hidden, u, whole);
  row.store(s.o, p + 3 * hidden, u, whole);
}

/// One row of a step from pre-activations.
template <class T>
HWY_INLINE void cell_row(const T* a, const T* c, T* h, T* next, T* gates, std::int64_t units) {
  const hn::ScalableTag<T> d;
  const AlongRow row(d, units);
  row.each([&](std::int64_t u, auto whole) HWY_ATTR {
    const auto s = activate(d, load_gates(row, a, units, u, whole));
    const auto after = next_cell(d, s, row.load(c, u, whole, hn::Zero(d)));
    row.store(after, next, u, whole);
    row.store(hidden(d, s, after), h, u, whole);
    store_gates(row, s, gates, units, u, whole);
  });
}

/// One row of a step backward; dc_out may be dc.
template <class T>
HWY_INLINE void cell_grad_row(const T* gates, const T* before, const T* after, const T* dh,
                              const T* dc, T* da, T* dc_out, std::int64_t units) {
  const hn::ScalableTag<T> d;
  const AlongRow row(d, units);
  const auto zero = hn::Zero(d);
  row.each([&](std::int64_t u, auto whole) HWY_ATTR {
    auto cell = row.load(dc, u, whole, zero);
    const auto g = gate_cotangents(
        d, load_gates(row, gates, units, u, whole), row.load(before, u, whole, zero),
        row.load(after, u, whole, zero), row.load(dh, u, whole, zero), cell);
    row.store(cell, dc_out, u, whole);
    store_gates(row, g, da, units, u, whole);
  });
}

}  // namespace sonde::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // toggle
