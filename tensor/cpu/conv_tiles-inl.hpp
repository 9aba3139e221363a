// The two register-blocked products under every convolution. Compiled once for each SIMD target.
#if defined(SONDE_CONV_TILES_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef SONDE_CONV_TILES_INL
#undef SONDE_CONV_TILES_INL
#else
#define SONDE_CONV_TILES_INL
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "tensor/cpu/conv_rows.hpp"

HWY_BEFORE_NAMESPACE();
namespace sonde::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Vectors side by side in a tile: with 32 registers 6 x 4 accumulators fit, with 16 registers 6
/// x 2.
constexpr int max_vectors = HWY_TARGET <= HWY_AVX3 ? 4 : 2;
/// Rows of a tile `nv` vectors wide: enough accumulators to hide the latency of a multiply-add.
constexpr int tile_rows(int nv) {
  return max_vectors == 4 && nv <= 2 ? 8 : 6;
}
static_assert(row_block % tile_rows(1) == 0 && row_block % tile_rows(max_vectors) == 0);

template <class T>
inline std::int64_t lanes() {
  return static_cast<std::int64_t>(hn::Lanes(hn::ScalableTag<T>()));
}

/// out[i][:] = sum over t, c of rows[t * row_block + i][c] * panel[t][c][:], for i < MR and NV
/// vectors.
template <int MR, int NV, class T>
HWY_NOINLINE void row_tile(std::int64_t taps, std::int64_t channels, const T* const* rows,
                           const T* HWY_RESTRICT panel, T* const* out) {
  const hn::ScalableTag<T> d;
  const std::size_t width = hn::Lanes(d);
  hn::Vec<decltype(d)> acc[MR][NV];
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i)
#pragma GCC unroll 16
    for (int j = 0; j < NV; ++j) acc[i][j] = hn::Zero(d);
  for (std::int64_t t = 0; t < taps; ++t) {
    const T* row[MR];
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i) row[i] = rows[t * row_block + i];
    for (std::int64_t c = 0; c < channels; ++c) {
      hn::Vec<decltype(d)> b[NV];
#pragma GCC unroll 16
      for (int j = 0; j < NV; ++j) b[j] = hn::LoadU(d, panel + j * width);
      panel += NV * width;
#pragma GCC unroll 16
      for (int i = 0; i < MR; ++i) {
        const auto a = hn::Set(d, row[i][c]);
#pragma GCC unroll 16
        for (int j = 0; j < NV; ++j) acc[i][j] = hn::MulAdd(a, b[j], acc[i][j]);
      }
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i)
#pragma GCC unroll 16
    for (int j = 0; j < NV; ++j) hn::StoreU(acc[i][j], d, out[i] + j * width);
}

/// Pixels in a row: pixel q of the run adds a[q * a_step + i] * b[q * b_step + :].
template <class T>
struct Run {
  const T* a;
  const T* b;
  std::int64_t count;
};

/// out[i][:] += sum over all pixels of all runs of a[i] * b[:], for i < MR and NV vectors.
template <int MR, int NV, class T>
HWY_NOINLINE void outer_tile(const Run<T>* runs, std::int64_t run_count, std::int64_t a_step,
                             std::int64_t b_step, std::int64_t a_offset, std::int64_t b_offset,
                             T* out, std::int64_t out_step) {
  const hn::ScalableTag<T> d;
  const std::size_t width = hn::Lanes(d);
  hn::Vec<decltype(d)> acc[MR][NV];
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i)
#pragma GCC unroll 16
    for (int j = 0; j < NV; ++j) acc[i][j] = hn::Zero(d);
  for (const Run<T>* run = runs; run != runs + run_count; ++run) {
    const T* HWY_RESTRICT a = run->a + a_offset;
    const T* HWY_RESTRICT b = run->b + b_offset;
    for (std::int64_t q = 0; q < run->count; ++q, a += a_step, b += b_step) {
      hn::Vec<decltype(d)> v[NV];
#pragma GCC unroll 16
      for (int j = 0; j < NV; ++j) v[j] = hn::LoadU(d, b + j * width);
#pragma GCC unroll 16
      for (int i = 0; i < MR; ++i) {
        const auto s = hn::Set(d, a[i]);
#pragma GCC unroll 16
        for (int j = 0; j < NV; ++j) acc[i][j] = hn::MulAdd(s, v[j], acc[i][j]);
      }
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i)
#pragma GCC unroll 16
    for (int j = 0; j < NV; ++j) {
      T* p = out + i * out_step + j * static_cast<std::int64_t>(width);
      hn::StoreU(hn::Add(hn::LoadU(d, p), acc[i][j]), d, p);
    }
}

/// Calls f(integral_constant<int, NV>, first column) for panels of at most max_vectors vectors over
/// `columns`.
template <class T, class F>
void for_panels(std::int64_t columns, F&& f) {
  const std::int64_t width = lanes<T>();
  for (std::int64_t k = 0; k < columns;) {
    const int nv =
        static_cast<int>(std::min<std::int64_t>(max_vectors, (columns - k + width - 1) / width));
    if (nv == 1)
      f(std::integral_constant<int, 1>(), k);
    else if (nv == 2)
      f(std::integral_constant<int, 2>(), k);
    else if constexpr (max_vectors == 4) {
      if (nv == 3)
        f(std::integral_constant<int, 3>(), k);
      else
        f(std::integral_constant<int, 4>(), k);
    }
    k += nv * width;
  }
}

/// out [rows][out_step] += A'B over the runs' pixels, where A has `rows` columns and B `columns`,
/// whole vectors of which must be readable (and those of `out` writable).
template <class T>
void outer_product(const Run<T>* runs, std::int64_t run_count, std::int64_t a_step,
                   std::int64_t b_step, std::int64_t rows, std::int64_t columns, T* out,
                   std::int64_t out_step) {
  for_panels<T>(columns, [&](auto nv, std::int64_t k) {
    constexpr int full = tile_rows(nv);
    const auto tile = [&]<int MR>(std::integral_constant<int, MR>, std::int64_t i) {
      outer_tile<MR, nv>(runs, run_count, a_step, b_step, i, k, out + i * out_step + k, out_step);
    };
    std::int64_t i = 0;
    for (; i + full <= rows; i += full) tile(std::integral_constant<int, full>(), i);
    const auto rest = [&]<int... MR>(std::integer_sequence<int, MR...>) {
      ((rows - i == MR ? tile(std::integral_constant < int, MR == 0 ? 1 : MR > (), i) : void()),
       ...);
    };
    if (i < rows) rest(std::make_integer_sequence<int, full>());
  });
}

}  // namespace sonde::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
