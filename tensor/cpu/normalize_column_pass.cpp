// The passes over a matrix from which normalisation by columns is made.
#include <algorithm>

#include "tensor/cpu/normalize.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/normalize_column_pass.cpp"
#include "hwy/foreach_target.h"
#include "tensor/cpu/row_simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sonde::cpu::HWY_NAMESPACE {
namespace {

template <ColumnPass<float>::Kind kind, class T>
void run_kind(const ColumnPass<T>& p, const T* x, const T* ct, T* out, std::int64_t rows) {
  using Pass = ColumnPass<float>;
  const hn::ScalableTag<T> d;
  const AlongRow row(d, p.width);
  const auto zero = hn::Zero(d);
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::int64_t at = r * p.width;
    row.each([&](std::int64_t i, auto whole) HWY_ATTR {
      auto get = [&](const T* from) HWY_ATTR { return row.load(from, i, whole, zero); };
      const auto centred = hn::Sub(get(x + at), get(p.shift));
      if constexpr (kind == Pass::sum) {
        row.store(hn::Add(get(p.sums), centred), p.sums, i, whole);
      } else if constexpr (kind == Pass::squares) {
        row.store(hn::MulAdd(centred, centred, get(p.sums)), p.sums, i, whole);
      } else if constexpr (kind == Pass::apply) {
        row.store(hn::MulAdd(centred, get(p.scale), get(p.bias)), out + at, i, whole);
      } else if constexpr (kind == Pass::reduce) {
        const auto c = get(ct + at);
        row.store(hn::Add(get(p.sums), c), p.sums, i, whole);
        row.store(hn::MulAdd(c, hn::Mul(centred, get(p.scale)), get(p.dots)), p.dots, i, whole);
      } else {
        const auto g = hn::MulSub(get(ct + at), get(p.seed_scale), get(p.bias));
        row.store(hn::NegMulAdd(centred, get(p.scale), g), out + at, i, whole);
      }
    });
  }
}

template <class T>
void run_pass(int kind, const ColumnPass<T>& p, const T* x, const T* ct, T* out,
              std::int64_t rows) {
  using Pass = ColumnPass<float>;
  switch (kind) {
    case Pass::sum:
      return run_kind<Pass::sum>(p, x, ct, out, rows);
    case Pass::squares:
      return run_kind<Pass::squares>(p, x, ct, out, rows);
    case Pass::apply:
      return run_kind<Pass::apply>(p, x, ct, out, rows);
    case Pass::reduce:
      return run_kind<Pass::reduce>(p, x, ct, out, rows);
    default:
      return run_kind<Pass::combine>(p, x, ct, out, rows);
  }
}

void run_f32(int kind, const ColumnPass<float>& p, const float* x, const float* ct, float* out,
             std::int64_t rows) {
  run_pass(kind, p, x, ct, out, rows);
}
void run_f64(int kind, const ColumnPass<double>& p, const double* x, const double* ct, double* out,
             std::int64_t rows) {
  run_pass(kind, p, x, ct, out, rows);
}

}  // namespace
}  // namespace sonde::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sonde::cpu {
namespace {
HWY_EXPORT(run_f32);
HWY_EXPORT(run_f64);
}  // namespace

template <>
void ColumnPass<float>::run(Kind kind, const float* x, const float* ct, float* out,
                            std::int64_t rows) const {
  HWY_DYNAMIC_DISPATCH(run_f32)(kind, *this, x, ct, out, rows);
}
template <>
void ColumnPass<double>::run(Kind kind, const double* x, const double* ct, double* out,
                             std::int64_t rows) const {
  HWY_DYNAMIC_DISPATCH(run_f64)(kind, *this, x, ct, out, rows);
}

}  // namespace sonde::cpu
#endif  // HWY_ONCE
