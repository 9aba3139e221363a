#include "tensor/cpu/conv_indirect.hpp"

#include "tensor/cpu/conv_rows.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/conv_indirect.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "tensor/cpu/conv_tiles-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sonde::cpu::HWY_NAMESPACE {

// One panel of destination channels for one block of pixels. Tiles that stick out go through a
// buffer.
template <int NV, class T>
void multiply_panel(const GatherConv<T>& conv, std::int64_t taps, const T* const* rows,
                    T* const* dest, std::int64_t count, std::int64_t k0, const T* panel) {
  constexpr int MR = tile_rows(NV);
  HWY_ALIGN T buffer[MR * NV * HWY_MAX_BYTES / sizeof(T)];
  const std::int64_t width = NV * lanes<T>(), valid = std::min(width, conv.dest_channels - k0);
  for (std::int64_t i = 0; i < count; i += MR) {
    const std::int64_t height = std::min<std::int64_t>(MR, count - i);
    const bool whole = height == MR && valid == width;
    T* out[MR];
    for (int r = 0; r < MR; ++r) out[r] = whole ? dest[i + r] + k0 : buffer + r * width;
    row_tile<MR, NV>(taps, conv.source_channels, rows + i, panel, out);
    if (!whole)
      for (std::int64_t r = 0; r < height; ++r) std::copy_n(out[r], valid, dest[i + r] + k0);
  }
}

template <class T>
void gather_blocks(const GatherConv<T>& conv) {
  const std::int64_t taps =
      static_cast<std::int64_t>(conv.rows->taps.size() * conv.columns->taps.size());
  const std::int64_t depth = taps * conv.source_channels,
                     pixels = conv.batch * conv.rows->count * conv.columns->count;
  const std::int64_t blocks = (pixels + row_block - 1) / row_block;
  Scratch<T> packed(depth * (conv.dest_channels + lanes<T>())), zeros(conv.source_channels);
  zeros.zero();
  for_panels<T>(conv.dest_channels, [&](auto nv, std::int64_t k) {
    pack_panel(conv, k, nv * lanes<T>(), packed.get() + k * depth);
  });
  const std::int64_t grain = conv_chunk(row_block * depth * conv.dest_channels);
  parallel_for(blocks, grain, [&](std::int64_t first, std::int64_t last) {
    std::vector<const T*> rows(static_cast<std::size_t>(taps * row_block));
    T* dest[row_block];
    for (std::int64_t block = first; block < last; ++block) {
      const std::int64_t begin = block * row_block, count = std::min(row_block, pixels - begin);
      point_rows(conv, begin, count, zeros.get(), rows.data(), dest);
      for_panels<T>(conv.dest_channels, [&](auto nv, std::int64_t k) {
        multiply_panel<nv>(conv, taps, rows.data(), dest, count, k, packed.get() + k * depth);
      });
    }
  });
}

// Rows of the output gradient, numbered image * out + p, packed to whole vectors:
// [row][column][step].
template <class T>
void pack_rows(const WeightGrad<T>& conv, std::int64_t begin, std::int64_t end, std::int64_t step,
               T* packed) {
  for (std::int64_t row = begin; row < end; ++row) {
    const T* from = conv.output_grad.data + row / conv.rows.out * conv.output_grad.batch +
                    row % conv.rows.out * conv.output_grad.row;
    for (std::int64_t q = 0; q < conv.columns.out;
         ++q, from += conv.output_grad.column, packed += step) {
      std::copy_n(from, conv.out_channels, packed);
      std::fill(packed + conv.out_channels, packed + step, T(0));
    }
  }
}

// First output position that reads at or behind input position 0 with this tap offset.
inline std::int64_t first_inside(std::int64_t offset, std::int64_t stride) {
  return offset >= 0 ? 0 : (-offset + stride - 1) / stride;
}

// The pixels of output rows [begin, end) that tap (r, s) connects to input inside the image.
template <class T>
void find_runs(const WeightGrad<T>& conv, std::int64_t r, std::int64_t s, std::int64_t begin,
               std::int64_t end, std::int64_t step, const T* packed, std::vector<Run<T>>& runs) {
  const ConvAxis &rows = conv.rows, &columns = conv.columns;
  const std::int64_t offset = s * columns.dilation - columns.padding;
  const std::int64_t q0 = first_inside(offset, columns.stride);
  const std::int64_t q1 = std::min(columns.out, first_inside(offset - columns.in, columns.stride));
  runs.clear();
  if (q0 >= q1) return;
  for (std::int64_t row = begin; row < end; ++row) {
    const std::int64_t h = row % rows.out * rows.stride + r * rows.dilation - rows.padding;
    if (h < 0 || h >= rows.in) continue;
    const T* a = conv.input.data + row / rows.out * conv.input.batch + h * conv.input.row +
                 (q0 * columns.stride + offset) * conv.input.column;
    runs.push_back({a, packed + ((row - begin) * columns.out + q0) * step, q1 - q0});
  }
}

template <class T>
void weight_grad_parts_of(const WeightGrad<T>& conv) {
  const ConvAxis &rows = conv.rows, &columns = conv.columns;
  const std::int64_t taps = rows.kernel * columns.kernel, all_rows = conv.batch * rows.out;
  const std::int64_t step = (conv.out_channels + lanes<T>() - 1) / lanes<T>() * lanes<T>();
  // A band of rows: both operands stay in the L2 cache while all taps and channels pass over them.
  const std::int64_t row_bytes = static_cast<std::int64_t>(sizeof(T)) *
                                 (columns.out * step + columns.in * conv.in_channels * rows.stride);
  const std::int64_t band = std::clamp<std::int64_t>((1 << 19) / row_bytes, 1, all_rows);
  const std::int64_t size = taps * conv.in_channels * step;
  const std::int64_t work = all_rows * columns.out * conv.in_channels * conv.out_channels;
  const std::int64_t parts = part_count((all_rows + band - 1) / band, work * taps);
  Scratch<T> sums(parts * size);
  parallel_chunks(parts, [&](std::int64_t part) {
    T* sum = sums.get() + part * size;
    std::fill_n(sum, size, T(0));
    Scratch<T> packed(band * columns.out * step);
    std::vector<Run<T>> runs;
    const std::int64_t last = chunk_begin(all_rows, parts, part + 1);
    for (std::int64_t row = chunk_begin(all_rows, parts, part); row < last; row += band) {
      const std::int64_t end = std::min(last, row + band);
      pack_rows(conv, row, end, step, packed.get());
      for (std::int64_t t = 0; t < taps; ++t) {
        find_runs(conv, t / columns.kernel, t % columns.kernel, row, end, step, packed.get(), runs);
        outer_product(runs.data(), static_cast<std::int64_t>(runs.size()),
                      columns.stride * conv.input.column, step, conv.in_channels, conv.out_channels,
                      sum + t * conv.in_channels * step, step);
      }
    }
  });
  add_parts(sums.get(), parts, size);
  unpack_grad(sums.get(), taps, conv.in_channels, conv.out_channels, step, conv.grad);
}

void gather_f32(const GatherConv<float>& conv) {
  gather_blocks(conv);
}
void gather_f64(const GatherConv<double>& conv) {
  gather_blocks(conv);
}
void weight_grad_f32(const WeightGrad<float>& conv) {
  weight_grad_parts_of(conv);
}
void weight_grad_f64(const WeightGrad<double>& conv) {
  weight_grad_parts_of(conv);
}

}  // namespace sonde::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sonde::cpu {

HWY_EXPORT(gather_f32);
HWY_EXPORT(gather_f64);
HWY_EXPORT(weight_grad_f32);
HWY_EXPORT(weight_grad_f64);

void gather_conv(const GatherConv<float>& conv) {
  HWY_DYNAMIC_DISPATCH(gather_f32)(conv);
}
void gather_conv(const GatherConv<double>& conv) {
  HWY_DYNAMIC_DISPATCH(gather_f64)(conv);
}
void direct_weight_grad(const WeightGrad<float>& conv) {
  HWY_DYNAMIC_DISPATCH(weight_grad_f32)(conv);
}
void direct_weight_grad(const WeightGrad<double>& conv) {
  HWY_DYNAMIC_DISPATCH(weight_grad_f64)(conv);
}

}  // namespace sonde::cpu
#endif
