// The vector passes over rows of attention scores.
#include "tensor/cpu/attention_rows.hpp"

#include <algorithm>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/attention_rows.cpp"
#include "hwy/foreach_target.h"
#include "tensor/cpu/softmax_row-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sonde::cpu::HWY_NAMESPACE {
namespace {

template <class T>
using Row = AlongRow<hn::ScalableTag<T>>;

template <class T>
T exponentiate(T* s, const T* bias, T scale, std::int64_t n) {
  const hn::ScalableTag<T> d;
  const Row<T> row(d, n);
  const auto by = hn::Set(d, scale), nothing = lowest(row), none = hn::Zero(d);
  auto score = [&](std::int64_t i, auto whole)
                   HWY_ATTR {  // computed twice: cheaper than stored and loaded
                     const auto b = bias ? row.load(bias, i, whole, none) : none;
                     return hn::MulAdd(row.load(s, i, whole, nothing), by, b);
                   };
  auto top = nothing, sum = none;
  row.each([&](std::int64_t i, auto whole) HWY_ATTR { top = hn::Max(top, score(i, whole)); });
  top = row.maximum(top);
  constexpr T minus_inf = -std::numeric_limits<T>::infinity();
  if (hn::GetLane(top) == minus_inf) {  // all hidden; NaN, which maxima may miss, stays NaN
    const bool hidden = std::none_of(s, s + n, [](T v) { return std::isnan(v); });
    const T value = hidden ? T(0) : std::numeric_limits<T>::quiet_NaN();
    std::fill_n(s, n, value);
    return value;
  }
  row.each([&](std::int64_t i, auto whole) HWY_ATTR {
    const auto e = exp_or_zero(d, hn::Sub(score(i, whole), top));
    row.store(e, s, i, whole);
    sum = hn::Add(sum, e);
  });
  return hn::GetLane(row.total(sum));
}

template <class T>
void cotangents(T* e, T* dp, T factor, T dot, T scale, std::int64_t n) {
  const hn::ScalableTag<T> d;
  const Row<T> row(d, n);
  const auto f = hn::Set(d, factor), mean = hn::Set(d, dot), by = hn::Set(d, scale);
  row.each([&](std::int64_t i, auto whole) HWY_ATTR {
    const auto p = hn::Mul(row.load(e, i, whole, zero(row)), f);
    const auto c = hn::Mul(hn::Sub(row.load(dp, i, whole, zero(row)), mean), by);
    row.store(p, e, i, whole);
    row.store(hn::Mul(p, c), dp, i, whole);
  });
}

template <class T>
T dot(const T* a, const T* b, std::int64_t n) {
  const hn::ScalableTag<T> d;
  const Row<T> row(d, n);
  auto sum = zero(row);
  row.each([&](std::int64_t i, auto whole) HWY_ATTR {
    sum = hn::MulAdd(row.load(a, i, whole, zero(row)), row.load(b, i, whole, zero(row)), sum);
  });
  return hn::GetLane(row.total(sum));
}

template <class T>
void scale(T* x, T factor, std::int64_t n) {
  const hn::ScalableTag<T> d;
  const Row<T> row(d, n);
  row.each([&](std::int64_t i, auto whole) HWY_ATTR {
    row.store(hn::Mul(row.load(x, i, whole, zero(row)), hn::Set(d, factor)), x, i, whole);
  });
}

AttentionRowKernels<float> kernels_f32() {
  return {&exponentiate<float>, &cotangents<float>, &dot<float>, &scale<float>};
}
AttentionRowKernels<double> kernels_f64() {
  return {&exponentiate<double>, &cotangents<double>, &dot<double>, &scale<double>};
}

}  // namespace
}  // namespace sonde::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sonde::cpu {
namespace {
HWY_EXPORT(kernels_f32);
HWY_EXPORT(kernels_f64);
}  // namespace

template <>
const AttentionRowKernels<float>& attention_row_kernels() {
  static const AttentionRowKernels<float> k = HWY_DYNAMIC_DISPATCH(kernels_f32)();
  return k;
}
template <>
const AttentionRowKernels<double>& attention_row_kernels() {
  static const AttentionRowKernels<double> k = HWY_DYNAMIC_DISPATCH(kernels_f64)();
  return k;
}

}  // namespace sonde::cpu
#endif  // HWY_ONCE
