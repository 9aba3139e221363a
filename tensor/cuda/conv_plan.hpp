/// @file
/// Which positions a convolution connects along an image axis, in closed form: each block of a
/// kernel makes its own plan, no table is uploaded.
#pragma once

#include <cuda_runtime.h>

#include <string_view>

#include "tensor/kernels/conv.hpp"

namespace sonde::cuda {

/// One image axis of a convolution: out = (in + 2 padding - dilation (kernel - 1) - 1) / stride
/// + 1. All positions fit 30 bits, so sums of two fit an int.
struct ConvAxis {
  int in, out, kernel, stride, padding, dilation;
};

/// Axis 0 (height) or 1 (width); Error(size) if a position would not fit.
ConvAxis conv_axis(std::string_view op, std::int64_t in, std::int64_t out, std::int64_t kernel,
                   const ConvAttrs& attrs, std::size_t axis);

/// A position that no offset brings into an image.
inline constexpr int outside = -(1 << 30);

/// Destination position first + i*step (i < count) gathers, for each tap j < taps, what lies at
/// source position i*source_step + offset_first + j*offset_step, times the filter at tap_first +
/// j*tap_step. Offsets ascend.
struct AxisPlan {
  int first, step, count, source_step, source_size;
  int taps, tap_first, tap_step, offset_first, offset_step;
};

/// Output positions gather from input positions o*stride - padding + t*dilation.
__host__ __device__ inline AxisPlan forward_plan(const ConvAxis& a) {
  return {0, 1, a.out, a.stride, a.in, a.kernel, 0, 1, -a.padding, a.dilation};
}

/// Input positions gather from output positions (h + padding - t*dilation) / stride where that is
/// whole. Positions of one residue modulo the stride (`phase`) share their taps, an arithmetic
/// progression; no tap is tried in vain.
__host__ __device__ inline AxisPlan input_grad_plan(const ConvAxis& a, int phase) {
  int last = -1, second = -1;  // the two last taps of this phase
  for (int t = a.kernel - 1; t >= 0 && second < 0; --t)
    if ((phase + a.padding - t * a.dilation) % a.stride == 0) (last < 0 ? last : second) = t;
  const int period = second < 0 ? a.kernel : last - second;
  return {.first = phase,
          .step = a.stride,
          .count = (a.in - phase + a.stride - 1) / a.stride,
          .source_step = 1,
          .source_size = a.out,
          .taps = last < 0 ? 0 : last / period + 1,
          .tap_first = last,
          .tap_step = -period,
          .offset_first = (phase + a.padding - last * a.dilation) / a.stride,
          .offset_step = second < 0 ? 0 : period * a.dilation / a.stride};
}

/// Number of plans along an axis: one forward, one per residue for the input's gradient.
__host__ __device__ inline int phases(const ConvAxis& a, bool transposed) {
  if (!transposed) return 1;
  return a.stride < a.in ? a.stride : a.in;
}
__host__ __device__ inline AxisPlan plan_of(const ConvAxis& a, bool transposed, int phase) {
  return transposed ? input_grad_plan(a, phase) : forward_plan(a);
}
/// Most destination positions that a plan has, and most taps.
__host__ __device__ inline int most_positions(const ConvAxis& a, bool transposed) {
  return transposed ? (a.in + a.stride - 1) / a.stride : a.out;
}

/// Index in three nested loops, the inner fastest.
struct Nested {
  std::int64_t outer;
  int middle, inner;
};
__host__ __device__ inline Nested nested(std::int64_t i, int middle_size, int inner_size) {
  const std::int64_t rest = i / inner_size;
  return {rest / middle_size, static_cast<int>(rest % middle_size),
          static_cast<int>(i % inner_size)};
}
/// at + by, carried: no division in loops that step by a constant.
__host__ __device__ inline void advance(Nested& at, const Nested& by, int middle_size,
                                        int inner_size) {
  at.inner += by.inner;
  at.middle += by.middle;
  at.outer += by.outer;
  if (at.inner >= inner_size) at.inner -= inner_size, ++at.middle;
  if (at.middle >= middle_size) at.middle -= middle_size, ++at.outer;
}

__host__ __device__ inline bool in_range(int i, int size) {
  return static_cast<unsigned>(i) < static_cast<unsigned>(size);
}

/// The innermost of several loops folded into `rest`, which becomes the index of the others.
__host__ __device__ inline std::int64_t unfold(std::int64_t& rest, std::int64_t size) {
  const std::int64_t index = rest % size;
  rest /= size;
  return index;
}

}  // namespace sonde::cuda
