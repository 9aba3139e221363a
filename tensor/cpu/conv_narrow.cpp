#include "tensor/cpu/conv_narrow.hpp"

#include "tensor/cpu/conv_rows.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/conv_narrow.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace sonde::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Pixels of a tile with K channels: as many accumulators as the registers hold.
constexpr int tile_pixels(int k) {
  return HWY_TARGET <= HWY_AVX3 ? (k == 4 ? 6 : 8) : k <= 2 ? 6 : k == 3 ? 4 : 3;
}

// acc[i][k] += x[i] * w[k], lane by lane, for the vector at channel c; only `fresh` lanes count.
template <int K, int P, class D, class T = hn::TFromD<D>>
HWY_INLINE void add_products(D d, const T* const* row, const T* filter, std::int64_t channels,
                             std::int64_t c, hn::Mask<D> fresh, hn::Vec<D> (&acc)[P][K]) {
  hn::Vec<D> w[K];
#pragma GCC unroll 8
  for (int k = 0; k < K; ++k) w[k] = hn::LoadU(d, filter + k * channels + c);
#pragma GCC unroll 8
  for (int i = 0; i < P; ++i) {
    const auto x = hn::IfThenElseZero(fresh, hn::LoadU(d, row[i] + c));
#pragma GCC unroll 8
    for (int k = 0; k < K; ++k) acc[i][k] = hn::MulAdd(x, w[k], acc[i][k]);
  }
}

// out[i][k] = sum over t, c of rows[t * row_block + i][c] * filter[t][k][c]
template <int K, class T>
HWY_NOINLINE void dot_tile(std::int64_t taps, std::int64_t channels, const T* const* rows,
                           const T* filter, T (*out)[narrow_channels]) {
  constexpr int P = tile_pixels(K);
  const hn::ScalableTag<T> d;
  const auto width = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t whole = channels / width * width;
  const auto all = hn::FirstN(d, hn::Lanes(d));
  const auto rest = hn::Not(hn::FirstN(d, static_cast<std::size_t>(whole + width - channels)));
  hn::Vec<decltype(d)> acc[P][K];
#pragma GCC unroll 8
  for (int i = 0; i < P; ++i)
#pragma GCC unroll 8
    for (int k = 0; k < K; ++k) acc[i][k] = hn::Zero(d);
  for (std::int64_t t = 0; t < taps; ++t, filter += K * channels) {
    const T* row[P];
    for (int i = 0; i < P; ++i) row[i] = rows[t * row_block + i];
    for (std::int64_t c = 0; c < whole; c += width)
      add_products<K, P>(d, row, filter, channels, c, all, acc);
    if (whole < channels) add_products<K, P>(d, row, filter, channels, channels - width, rest, acc);
  }
#pragma GCC unroll 8
  for (int i = 0; i < P; ++i)
#pragma GCC unroll 8
    for (int k = 0; k < K; ++k) out[i][k] = hn::GetLane(hn::SumOfLanes(d, acc[i][k]));
}

// filter [taps][K][channels], from the panel layout [taps][channels][K]
template <class T>
void transpose_taps(const T* panel, std::int64_t taps, std::int64_t channels, std::int64_t k,
                    T* filter) {
  for (std::int64_t t = 0; t < taps; ++t)
    for (std::int64_t j = 0; j < k; ++j)
      for (std::int64_t c = 0; c < channels; ++c)
        filter[(t * k + j) * channels + c] = panel[(t * channels + c) * k + j];
}

template <int K, class T>
void narrow_blocks(const GatherConv<T>& conv) {
  constexpr int P = tile_pixels(K);
  static_assert(row_block % P == 0);
  const std::int64_t taps =
      static_cast<std::int64_t>(conv.rows->taps.size() * conv.columns->taps.size());
  const std::int64_t depth = taps * conv.source_channels;
  const std::int64_t pixels = conv.batch * conv.rows->count * conv.columns->count;
  Scratch<T> panel(depth * K), filter(depth * K), zeros(conv.source_channels);
  zeros.zero();
  pack_panel(conv, 0, K, panel.get());
  transpose_taps(panel.get(), taps, conv.source_channels, K, filter.get());
  const std::int64_t blocks = (pixels + row_block - 1) / row_block;
  parallel_for(
      blocks, conv_chunk(row_block * depth * K), [&](std::int64_t first, std::int64_t last) {
        std::vector<const T*> rows(static_cast<std::size_t>(taps * row_block));
        T* dest[row_block];
        for (std::int64_t block = first; block < last; ++block) {
          const std::int64_t begin = block * row_block, count = std::min(row_block, pixels - begin);
          point_rows(conv, begin, count, zeros.get(), rows.data(), dest);
          for (std::int64_t i = 0; i < count; i += P) {
            T out[P][narrow_channels];
            dot_tile<K>(taps, conv.source_channels, rows.data() + i, filter.get(), out);
            for (std::int64_t p = 0; p < std::min<std::int64_t>(P, count - i); ++p)
              std::copy_n(out[p], K, dest[i + p]);
          }
        }
      });
}

template <class T>
void narrow_any(const GatherConv<T>& conv) {
  switch (conv.dest_channels) {
    case 1:
      return narrow_blocks<1>(conv);
    case 2:
      return narrow_blocks<2>(conv);
    case 3:
      return narrow_blocks<3>(conv);
    default:
      return narrow_blocks<4>(conv);
  }
}

void narrow_f32(const GatherConv<float>& conv) {
  narrow_any(conv);
}
void narrow_f64(const GatherConv<double>& conv) {
  narrow_any(conv);
}

}  // namespace sonde::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sonde::cpu {

HWY_EXPORT(narrow_f32);
HWY_EXPORT(narrow_f64);

void narrow_conv(const GatherConv<float>& conv) {
  HWY_DYNAMIC_DISPATCH(narrow_f32)(conv);
}
void narrow_conv(const GatherConv<double>& conv) {
  HWY_DYNAMIC_DISPATCH(narrow_f64)(conv);
}

}  // namespace sonde::cpu
#endif
