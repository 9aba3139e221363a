#include "tensor/cpu/conv_depthwise.hpp"

#include "tensor/cpu/conv_rows.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/conv_depthwise.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace sonde::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int pixels = 8;  // of a tile, neighbours in one row

// A tile's source pointers. A dense row of S taps shares its S + 7 pixels among the 8 destinations;
// where stride or dilation leave nothing to share, every tap is a row of its own with S = 1. Rows
// in the padding are left out.
template <int S, class T>
struct TileRows {
  static constexpr int width = pixels + S - 1;
  struct Row {
    std::array<const T*, width> at;
    std::int64_t tap;  // the first of S
  };
  std::vector<Row> rows;
  std::array<const T*, pixels> below;  // first read by the tile below, and so fetched ahead

  void point(const GatherConv<T>& conv, const Pixel& at, const T* zeros) {
    rows.clear();
    const std::vector<Tap>& taps = conv.columns->taps;
    const std::size_t step = S == 1 ? 1 : taps.size();
    std::int64_t tap = 0;
    for (const Tap& r : conv.rows->taps) {
      const std::int64_t h = at.row * conv.rows->source_step + r.offset;
      const bool inside = h >= 0 && h < conv.rows->source_size;
      for (std::size_t s = 0; s < taps.size(); s += step, tap += S)
        if (inside) rows.push_back({neighbours<width>(conv, at, h, taps[s].offset, zeros), tap});
    }
    below.fill(zeros);
    if (taps.empty() || conv.rows->taps.empty()) return;
    const std::int64_t h = (at.row + 1) * conv.rows->source_step + conv.rows->taps.back().offset;
    below = neighbours<pixels>(conv, at, h, taps.back().offset, zeros);
  }

 private:
  template <int count>
  static std::array<const T*, count> neighbours(const GatherConv<T>& conv, const Pixel& at,
                                                std::int64_t h, std::int64_t offset,
                                                const T* zeros) {
    std::array<const T*, count> p;
    for (int i = 0; i < count; ++i)
      p[static_cast<std::size_t>(i)] =
          source_or(conv, at.image, h, (at.column + i) * conv.columns->source_step + offset, zeros);
    return p;
  }
};

// Where the results of a tile go.
template <class T>
struct TileResults {
  T* at[pixels];
  int count;
  bool stream;  // past the caches
};

// Results that no cache keeps anyway and that come in whole, aligned cache lines are not read
// before they are written.
template <class T>
bool streamed(const GatherConv<T>& conv, std::int64_t lanes) {
  constexpr std::int64_t line = 64 / sizeof(T), large = (8 << 20) / sizeof(T);
  const Image<T>& to = conv.dest;
  const std::int64_t steps = to.batch | to.row | to.column | conv.dest_channels;
  return lanes == line && steps % line == 0 &&
         reinterpret_cast<std::uintptr_t>(to.data) % 64 == 0 &&
         conv.batch * conv.rows->count * conv.columns->count * conv.dest_channels >= large;
}

// to[i][c] = sum over rows and taps of row[i + s][c] * filter[tap + s] for the vector at channel c.
template <int S, class D, class T = hn::TFromD<D>>
void conv_vector(D d, const TileRows<S, T>& tile, const T* filter, std::int64_t c,
                 const TileResults<T>& to) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  hn::Vec<D> acc[pixels];
#pragma GCC unroll 16
  for (int i = 0; i < pixels; ++i) acc[i] = hn::Zero(d);
#pragma GCC unroll 16
  for (int i = 0; i < pixels; ++i) hwy::Prefetch(tile.below[static_cast<std::size_t>(i)] + c);
  for (const auto& row : tile.rows) {
    hn::Vec<D> x[TileRows<S, T>::width];
#pragma GCC unroll 16
    for (int i = 0; i < TileRows<S, T>::width; ++i)
      x[i] = hn::LoadU(d, row.at[static_cast<std::size_t>(i)] + c);
#pragma GCC unroll 16
    for (int s = 0; s < S; ++s) {
      const auto w = hn::LoadU(d, filter + (row.tap + s) * lanes);
#pragma GCC unroll 16
      for (int i = 0; i < pixels; ++i) acc[i] = hn::MulAdd(x[i + s], w, acc[i]);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < pixels; ++i) {
    if (i >= to.count) continue;
    to.stream ? hn::Stream(acc[i], d, to.at[i] + c) : hn::StoreU(acc[i], d, to.at[i] + c);
  }
}

// All channels of a tile, a vector at a time; the last may overlap its neighbour. filter
// [vectors][taps][lanes]
template <int S, class D, class T = hn::TFromD<D>>
void conv_tile(D d, const TileRows<S, T>& tile, const T* filter, std::int64_t taps,
               std::int64_t channels, const TileResults<T>& to) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t c = 0; c < channels; c += lanes, filter += taps * lanes)
    conv_vector<S>(d, tile, filter, std::min(c, channels - lanes), to);
}

template <int S, class T>
void conv_rows(const GatherConv<T>& conv) {
  const hn::ScalableTag<T> d;
  [[maybe_unused]] const hn::CappedTag<T, 1> one;
  const std::int64_t channels = conv.dest_channels,
                     vector = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t taps =
      static_cast<std::int64_t>(conv.rows->taps.size() * conv.columns->taps.size());
  const std::int64_t lanes = channels < vector ? 1 : vector;
  const bool stream = streamed(conv, lanes);
  // A tile's unused pixels may point a few columns beyond the plan; `source_or` sends those outside
  // to zeros.
  Scratch<T> filter(taps * (channels + lanes)), zeros(channels);
  zeros.zero();
  for (std::int64_t c = 0; c < channels; c += lanes)
    pack_panel(conv, std::min(c, channels - lanes), lanes, filter.get() + c * taps);
  const std::int64_t rows = conv.batch * conv.rows->count, columns = conv.columns->count;
  parallel_for(rows, conv_chunk(columns * taps * channels / 8),
               [&](std::int64_t first, std::int64_t last) {
                 TileRows<S, T> tile;
                 TileResults<T> to;
                 to.stream = stream;
                 for (std::int64_t row = first; row < last; ++row)
                   for (std::int64_t q = 0; q < columns; q += pixels) {
                     const Pixel at{row / conv.rows->count, row % conv.rows->count, q};
                     tile.point(conv, at, zeros.get());
                     to.count = static_cast<int>(std::min<std::int64_t>(pixels, columns - q));
                     for (int i = 0; i < to.count; ++i)
                       to.at[i] = dest_of(conv, {at.image, at.row, q + i});
                     if constexpr (S == 1) {
                       if (lanes == 1) {
                         conv_tile<S>(one, tile, filter.get(), taps, channels, to);
                         continue;
                       }
                     }
                     conv_tile<S>(d, tile, filter.get(), taps, channels, to);
                   }
                 if (stream) hwy::FlushStream();
               });
}

// sums[row][s][c] += sum over the tile's pixels of row[i + s][c] * grad[i][c], but not in the first
// `done` lanes.
template <int S, class D, class T = hn::TFromD<D>>
void grad_vector(D d, const TileRows<S, T>& tile, const T* const* grads, std::int64_t channels,
                 std::int64_t c, std::int64_t done, T* sums) {
  const auto keep = hn::FirstN(d, static_cast<std::size_t>(done));
  hn::Vec<D> g[pixels];
#pragma GCC unroll 16
  for (int i = 0; i < pixels; ++i) g[i] = hn::LoadU(d, grads[i] + c);
  for (const auto& row : tile.rows) {
    hn::Vec<D> acc[S];
#pragma GCC unroll 16
    for (int s = 0; s < S; ++s) acc[s] = hn::LoadU(d, sums + (row.tap + s) * channels + c);
#pragma GCC unroll 16
    for (int j = 0; j < TileRows<S, T>::width; ++j) {
      const auto x = hn::LoadU(d, row.at[static_cast<std::size_t>(j)] + c);
#pragma GCC unroll 16
      for (int s = 0; s < S; ++s)
        if (j - s >= 0 && j - s < pixels) acc[s] = hn::MulAdd(x, g[j - s], acc[s]);
    }
#pragma GCC unroll 16
    for (int s = 0; s < S; ++s) {
      T* sum = sums + (row.tap + s) * channels + c;
      hn::StoreU(done == 0 ? acc[s] : hn::IfThenElse(keep, hn::LoadU(d, sum), acc[s]), d, sum);
    }
  }
}

template <int S, class T>
void grad_rows(const WeightGrad<T>& conv, const GatherConv<T>& gather) {
  const hn::ScalableTag<T> d;
  [[maybe_unused]] const hn::CappedTag<T, 1> one;
  const std::int64_t channels = conv.out_channels, vector = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t rows = conv.batch * conv.rows.out, columns = conv.columns.out;
  const std::int64_t taps = conv.rows.kernel * conv.columns.kernel, size = taps * channels;
  const std::int64_t parts = part_count(rows, rows * columns * size / 8);
  Scratch<T> sums(parts * size), zeros(channels);
  zeros.zero();
  parallel_chunks(parts, [&](std::int64_t part) {
    T* sum = sums.get() + part * size;
    std::fill_n(sum, size, T(0));
    TileRows<S, T> tile;
    for (std::int64_t row = chunk_begin(rows, parts, part);
         row < chunk_begin(rows, parts, part + 1); ++row)
      for (std::int64_t q = 0; q < columns; q += pixels) {
        const Pixel at{row / conv.rows.out, row % conv.rows.out, q};
        tile.point(gather, at, zeros.get());
        const T* grads[pixels];
        for (int i = 0; i < pixels; ++i)
          grads[i] = q + i < columns ? dest_of(gather, {at.image, at.row, q + i}) : zeros.get();
        if constexpr (S == 1) {
          if (channels < vector)
            for (std::int64_t c = 0; c < channels; ++c)
              grad_vector<S>(one, tile, grads, channels, c, 0, sum);
        }
        for (std::int64_t c = 0; c < channels && vector <= channels; c += vector) {
          const std::int64_t at = std::min(c, channels - vector);
          grad_vector<S>(d, tile, grads, channels, at, c - at, sum);
        }
      }
  });
  add_parts(sums.get(), parts, size);
  unpack_grad(sums.get(), taps, 1, channels, channels, conv.grad);
}

// Calls f with the number of taps that a tile row shares; fewer channels than a vector take the
// simplest form.
template <class T, class F>
void for_width(const AxisPlan& columns, std::int64_t channels, F&& f) {
  const bool vectors = channels >= static_cast<std::int64_t>(hn::Lanes(hn::ScalableTag<T>()));
  switch (vectors && columns.is_dense() ? columns.taps.size() : 1) {
    case 3:
      return f(std::integral_constant<int, 3>());
    case 5:
      return f(std::integral_constant<int, 5>());
    case 7:
      return f(std::integral_constant<int, 7>());
    case 9:
      return f(std::integral_constant<int, 9>());
    default:
      return f(std::integral_constant<int, 1>());
  }
}

template <class T>
void conv_any(const GatherConv<T>& conv) {
  for_width<T>(*conv.columns, conv.dest_channels, [&](auto s) { conv_rows<s>(conv); });
}

template <class T>
void grad_any(const WeightGrad<T>& conv) {
  const AxisPlan rows = forward_plan(conv.rows), columns = forward_plan(conv.columns);
  // The forward pass whose rows are walked again, with the output gradient in the place of its
  // result.
  const Image<T> grad{const_cast<T*>(conv.output_grad.data), conv.output_grad.batch,
                      conv.output_grad.row, conv.output_grad.column};
  const GatherConv<T> gather{conv.input,        grad,  {},      conv.batch, 1,
                             conv.out_channels, &rows, &columns};
  for_width<T>(columns, conv.out_channels, [&](auto s) { grad_rows<s>(conv, gather); });
}

void conv_f32(const GatherConv<float>& conv) {
  conv_any(conv);
}
void conv_f64(const GatherConv<double>& conv) {
  conv_any(conv);
}
void grad_f32(const WeightGrad<float>& conv) {
  grad_any(conv);
}
void grad_f64(const WeightGrad<double>& conv) {
  grad_any(conv);
}

}  // namespace sonde::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sonde::cpu {

HWY_EXPORT(conv_f32);
HWY_EXPORT(conv_f64);
HWY_EXPORT(grad_f32);
HWY_EXPORT(grad_f64);

void depthwise_conv(const GatherConv<float>& conv) {
  HWY_DYNAMIC_DISPATCH(conv_f32)(conv);
}
void depthwise_conv(const GatherConv<double>& conv) {
  HWY_DYNAMIC_DISPATCH(conv_f64)(conv);
}
void depthwise_weight_grad(const WeightGrad<float>& conv) {
  HWY_DYNAMIC_DISPATCH(grad_f32)(conv);
}
void depthwise_weight_grad(const WeightGrad<double>& conv) {
  HWY_DYNAMIC_DISPATCH(grad_f64)(conv);
}

}  // namespace sonde::cpu
#endif
