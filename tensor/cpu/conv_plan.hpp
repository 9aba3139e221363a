/// @file
/// How convolution kernels see their problem: images with channels innermost, filters with any
/// strides, and for each image axis the positions that a tap of the filter connects.
#pragma once

#include <cstdint>
#include <vector>

namespace sonde::cpu {

/// Channels have stride 1; the other strides are in elements and may have any sign.
template <class T>
struct Image {
  T* data;
  std::int64_t batch, row, column;
};

/// Strides of a filter's four axes, in elements.
template <class T>
struct Filter {
  const T* data;
  std::int64_t out, in, row, column;
};

/// One image axis of a convolution: out = (in + 2 padding - dilation (kernel - 1) - 1) / stride
/// + 1.
struct ConvAxis {
  std::int64_t in, out, kernel, stride, padding, dilation;
};

/// A position along the filter, and what it adds to the source position.
struct Tap {
  std::int64_t index, offset;
};

/// Destination position first + i*step (i < count) gathers from source position i*source_step +
/// tap.offset for each tap, as long as that lies in [0, source_size).
struct AxisPlan {
  std::int64_t first, step, count, source_step, source_size;
  std::vector<Tap> taps;  // offsets ascend
  /// Neighbouring taps read neighbouring positions, and so do neighbouring destinations.
  bool is_dense() const;
};

/// Output positions gather from input positions o*stride - padding + t*dilation.
AxisPlan forward_plan(const ConvAxis& axis);

/// Input positions gather from output positions (h + padding - t*dilation) / stride where that is
/// whole. Positions of one residue modulo the stride share their taps, so each residue is a plan of
/// its own; no tap is tried in vain.
std::vector<AxisPlan> input_grad_plans(const ConvAxis& axis);

/// One group of one lane, either direction: dest(k) = sum over taps and c of source(c) * filter(k,
/// c). In the input gradient `filter.out` and `filter.in` are exchanged.
template <class T>
struct GatherConv {
  Image<const T> source;
  Image<T> dest;
  Filter<T> filter;
  std::int64_t batch, source_channels, dest_channels;
  const AxisPlan* rows;
  const AxisPlan* columns;
};

/// One group of one lane: grad [K,C,R,S], row-major, = sum over pixels of output_grad(k) *
/// input(c).
template <class T>
struct WeightGrad {
  Image<const T> input, output_grad;
  T* grad;
  std::int64_t batch, in_channels, out_channels;
  ConvAxis rows, columns;
};

/// Multiply-adds worth a task of its own (about 20 us).
inline constexpr std::int64_t conv_grain = 1 << 20;

/// Items a chunk shall hold when one item costs `work` multiply-adds.
inline std::int64_t conv_chunk(std::int64_t work) {
  return 1 + conv_grain / (work + 1);
}

}  // namespace sonde::cpu
