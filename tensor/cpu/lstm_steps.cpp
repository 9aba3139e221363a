// Steps of the LSTM. Weights are packed so that the four gates of the same units lie side by side:
// a tile of a few rows by one vector of units keeps all its pre-activations in registers, and they
// are never stored.
#include "tensor/cpu/lstm_steps.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/lstm_steps.cpp"
#include "hwy/foreach_target.h"
#include "tensor/cpu/lstm_gates-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sonde::cpu::HWY_NAMESPACE {
namespace {

// 6 x 4 accumulators fill AVX-512's 32 registers; 16 registers hold 2 x 4.
constexpr int tile_rows = HWY_TARGET <= HWY_AVX3 ? 6 : 2;

template <class T>
void cells(const T* a, const T* c, T* h, T* next, T* gates, std::int64_t rows, std::int64_t units) {
  for (std::int64_t r = 0; r < rows; ++r)
    cell_row(a + r * 4 * units, c + r * units, h + r * units, next + r * units,
             gates + r * 4 * units, units);
}

template <class T>
void cell_grads(const T* gates, const T* before, const T* after, const T* dh, const T* dc, T* da,
                T* dc_out, std::int64_t rows, std::int64_t units) {
  for (std::int64_t r = 0; r < rows; ++r)
    cell_grad_row(gates + r * 4 * units, before + r * units, after + r * units, dh + r * units,
                  dc + r * units, da + r * 4 * units, dc_out + r * units, units);
}

// sums[row][gate] += the product of `depth` columns of x with the panel w [depth][4][lanes].
template <int rows, class D, class T>
HWY_INLINE void multiply(D d, const T* x, std::int64_t stride, std::int64_t depth, const T* w,
                         hn::Vec<D> (&sums)[rows][4]) {
  const std::size_t lanes = hn::Lanes(d);
  for (std::int64_t k = 0; k < depth; ++k, w += 4 * lanes) {
    const hn::Vec<D> gate[4] = {hn::LoadU(d, w), hn::LoadU(d, w + lanes),
                                hn::LoadU(d, w + 2 * lanes), hn::LoadU(d, w + 3 * lanes)};
#pragma GCC unroll 6
    for (int r = 0; r < rows; ++r) {
      const auto v = hn::Set(d, x[r * stride + k]);
#pragma GCC unroll 4
      for (int g = 0; g < 4; ++g) sums[r][g] = hn::MulAdd(v, gate[g], sums[r][g]);
    }
  }
}

// `rows` rows of step s from row `first`, the units of panel u.
template <int rows, class T>
void tile(const typename LstmKernels<T>::Step& s, std::int64_t first, std::int64_t u) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const T* bias = s.bias + u * 4;
  const T* weights = s.weights + u * 4 * (s.inputs + s.units);
  hn::Vec<hn::ScalableTag<T>> sums[rows][4];
#pragma GCC unroll 6
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
    for (int g = 0; g < 4; ++g) sums[r][g] = hn::LoadU(d, bias + g * lanes);
  multiply(d, s.x + first * s.inputs, s.inputs, s.inputs, weights, sums);
  multiply(d, s.h + first * s.units, s.units, s.units, weights + s.inputs * 4 * lanes, sums);
  HWY_ALIGN T buffer[rows * 4 * HWY_MAX_BYTES / sizeof(T)];  // lets the loop over rows stay a loop
#pragma GCC unroll 6
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
    for (int g = 0; g < 4; ++g) hn::StoreU(sums[r][g], d, buffer + (r * 4 + g) * lanes);
  const AlongRow row(d, s.units);
  auto finish = [&](auto whole) HWY_ATTR {
    for (int r = 0; r < rows; ++r) {
      const T* a = buffer + r * 4 * lanes;
      const std::int64_t at = (first + r) * s.units;
      const auto gates = activate(
          d, Gates<hn::ScalableTag<T>>{hn::LoadU(d, a), hn::LoadU(d, a + lanes),
                                       hn::LoadU(d, a + 2 * lanes), hn::LoadU(d, a + 3 * lanes)});
      const auto after = next_cell(d, gates, row.load(s.c + at, u, whole, hn::Zero(d)));
      row.store(after, s.next + at, u, whole);
      row.store(hidden(d, gates, after), s.h_out + at, u, whole);
      if (s.gates) store_gates(row, gates, s.gates + 4 * at, s.units, u, whole);
    }
  };
  u + lanes <= s.units ? finish(std::true_type{}) : finish(std::false_type{});
}

template <int rows, class T>
void tile_of(std::int64_t count, const typename LstmKernels<T>::Step& s, std::int64_t first,
             std::int64_t u) {
  if constexpr (rows > 1) {
    if (count < rows) return tile_of<rows - 1, T>(count, s, first, u);
  }
  tile<rows, T>(s, first, u);
}

template <class T>
void step(const typename LstmKernels<T>::Step& s) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(hn::ScalableTag<T>()));
  const std::int64_t tiles = (s.rows + tile_rows - 1) / tile_rows;  // of nearly equal height
  for (std::int64_t u = 0; u < s.units; u += lanes)
    for (std::int64_t i = 0; i < tiles; ++i) {
      const std::int64_t first = s.rows * i / tiles;
      tile_of<tile_rows, T>(s.rows * (i + 1) / tiles - first, s, first, u);
    }
}

template <class T>
LstmKernels<T> kernels_of() {
  return {static_cast<std::int64_t>(hn::Lanes(hn::ScalableTag<T>())), &cells<T>, &cell_grads<T>,
          &step<T>};
}
LstmKernels<float> kernels_f32() {
  return kernels_of<float>();
}
LstmKernels<double> kernels_f64() {
  return kernels_of<double>();
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
const LstmKernels<float>& lstm_kernels() {
  static const LstmKernels<float> k = HWY_DYNAMIC_DISPATCH(kernels_f32)();
  return k;
}
template <>
const LstmKernels<double>& lstm_kernels() {
  static const LstmKernels<double> k = HWY_DYNAMIC_DISPATCH(kernels_f64)();
  return k;
}

}  // namespace sonde::cpu
#endif  // HWY_ONCE
