/// @file
/// Pieces shared by the convolution kernels: scratch memory, packed filters, and tables of row
/// pointers.
#pragma once

#include <algorithm>
#include <vector>

#include "tensor/cpu/conv_plan.hpp"
#include "tensor/parallel.hpp"
#include "tensor/tensor.hpp"

namespace sonde::cpu {

/// Uninitialised memory that the allocator counts, for as long as this lives.
template <class T>
class Scratch {
 public:
  explicit Scratch(std::int64_t count)
      : tensor_(Tensor::empty({count}, dtype_of<T>)), data_(tensor_.template data<T>()) {}
  T* get() const { return data_; }
  void zero() { std::fill_n(data_, tensor_.numel(), T(0)); }

 private:
  Tensor tensor_;
  T* data_;
};

/// Pixel number p of a plan: image, and position along each axis of the plan.
struct Pixel {
  std::int64_t image, row, column;
};
inline Pixel pixel_at(std::int64_t p, const AxisPlan& rows, const AxisPlan& columns) {
  const std::int64_t column = p % columns.count, q = p / columns.count;
  return {q / rows.count, q % rows.count, column};
}
inline Pixel next(Pixel p, const AxisPlan& rows, const AxisPlan& columns) {
  if (++p.column < columns.count) return p;
  p.column = 0;
  if (++p.row == rows.count) p = {p.image + 1, 0, 0};
  return p;
}

/// Where a plan's pixel lies in the destination.
template <class T>
T* dest_of(const GatherConv<T>& c, const Pixel& p) {
  return c.dest.data + p.image * c.dest.batch +
         (c.rows->first + p.row * c.rows->step) * c.dest.row +
         (c.columns->first + p.column * c.columns->step) * c.dest.column;
}

/// Row (n, h, w) of the source, or `zeros` if (h, w) lies in the padding.
template <class T>
const T* source_or(const GatherConv<T>& c, std::int64_t image, std::int64_t h, std::int64_t w,
                   const T* zeros) {
  const bool inside = h >= 0 && h < c.rows->source_size && w >= 0 && w < c.columns->source_size;
  return inside ? c.source.data + image * c.source.batch + h * c.source.row + w * c.source.column
                : zeros;
}

/// Pixels handled at a time; a multiple of the heights of all tiles.
inline constexpr std::int64_t row_block = 96;

/// rows[t][i]: where tap t of pixel `begin + i` reads; dest[i]: where the pixel goes. A block with
/// count < row_block repeats its last pixel in `rows`.
template <class T>
void point_rows(const GatherConv<T>& conv, std::int64_t begin, std::int64_t count, const T* zeros,
                const T** rows, T** dest) {
  const AxisPlan &rp = *conv.rows, &cp = *conv.columns;
  Pixel pixel = pixel_at(begin, rp, cp);
  for (std::int64_t i = 0; i < row_block; ++i) {
    const T** row = rows + i;
    for (const Tap& r : rp.taps)
      for (const Tap& s : cp.taps) {
        *row = source_or(conv, pixel.image, pixel.row * rp.source_step + r.offset,
                         pixel.column * cp.source_step + s.offset, zeros);
        row += row_block;
      }
    if (i < count) dest[i] = dest_of(conv, pixel);
    if (i + 1 < count) pixel = next(pixel, rp, cp);
  }
}

/// packed[t][c][0..width) = filter(k0 + :, c) for the plans' taps in order, zero beyond the last
/// channel.
template <class T>
void pack_panel(const GatherConv<T>& conv, std::int64_t k0, std::int64_t width, T* packed) {
  const Filter<T>& f = conv.filter;
  const std::int64_t columns = static_cast<std::int64_t>(conv.columns->taps.size());
  const std::int64_t valid = std::min(width, conv.dest_channels - k0);
  for (std::int64_t c = 0; c < conv.source_channels; ++c)
    for (std::size_t r = 0; r < conv.rows->taps.size(); ++r)
      for (std::int64_t s = 0; s < columns; ++s) {
        const T* from = f.data + k0 * f.out + c * f.in + conv.rows->taps[r].index * f.row +
                        conv.columns->taps[static_cast<std::size_t>(s)].index * f.column;
        T* to = packed +
                ((static_cast<std::int64_t>(r) * columns + s) * conv.source_channels + c) * width;
        for (std::int64_t k = 0; k < valid; ++k) to[k] = from[k * f.out];
        std::fill(to + valid, to + width, T(0));
      }
}

/// Adds partial results in order into the first: parts [count][size].
template <class T>
void add_parts(T* parts, std::int64_t count, std::int64_t size) {
  parallel_for(size, 1 << 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = 1; p < count; ++p)
      for (std::int64_t i = begin; i < end; ++i) parts[i] += parts[p * size + i];
  });
}

/// grad [K][C][taps] from sums [taps][C][step], 16 output channels at a time so that both sides
/// stay in cache.
template <class T>
void unpack_grad(const T* sums, std::int64_t taps, std::int64_t in, std::int64_t out,
                 std::int64_t step, T* grad) {
  for (std::int64_t k0 = 0; k0 < out; k0 += 16) {
    const std::int64_t k1 = std::min(out, k0 + 16);
    for (std::int64_t c = 0; c < in; ++c)
      for (std::int64_t t = 0; t < taps; ++t)
        for (std::int64_t k = k0; k < k1; ++k)
          grad[(k * in + c) * taps + t] = sums[(t * in + c) * step + k];
  }
}

/// Partial sums of a weight gradient: a fixed number, so that results do not depend on the threads.
inline constexpr std::int64_t weight_grad_parts = 4;

/// How many of them for this much work: small problems take fewer.
inline std::int64_t part_count(std::int64_t pieces, std::int64_t multiply_adds) {
  return std::clamp<std::int64_t>(std::min(pieces, multiply_adds / conv_grain), 1,
                                  weight_grad_parts);
}

}  // namespace sonde::cpu
