/// @file
/// What the backends' convolutions and poolings share: sizes of results, the channels-last layout,
/// and the frame of a slot (lanes, allocation, empty results) around a kernel that need not care.
#pragma once

#include "tensor/kernels/conv.hpp"

namespace sonde {

/// Output size of a convolution along axis 0 (height) or 1 (width).
inline std::int64_t conv_size(const ConvAttrs& a, std::size_t axis, std::int64_t in,
                              std::int64_t kernel) {
  return (in + 2 * a.padding[axis] - a.dilation[axis] * (kernel - 1) - 1) / a.stride[axis] + 1;
}

/// Output size of a pooling along an axis.
inline std::int64_t pool_size(const PoolAttrs& a, std::size_t axis, std::int64_t in) {
  if (a.adaptive) return a.output[axis];
  return conv_size({a.stride, a.padding, a.dilation}, axis, in, a.kernel[axis]);
}

/// Shape [L,N,C,P,Q] of the pooling of x [L,N,C,H,W].
inline Dims pooled_shape(const Dims& x, const PoolAttrs& a) {
  return {x[0], x[1], x[2], pool_size(a, 0, x[3]), pool_size(a, 1, x[4])};
}

/// Logical [L,N,C,H,W], in memory [L,N,H,W,C].
inline Tensor empty_channels_last(const Dims& shape, DType dtype, Device device = {}) {
  return Tensor::empty_ordered(shape, {0, 1, 3, 4, 2}, dtype, device);
}

/// `x` itself if its channels are neighbours in memory (the other strides may be anything), else a
/// channels-last copy.
inline Tensor channels_last(const Tensor& x) {
  if (x.size(2) == 1 || x.strides()[2] == 1) return x;
  if (x.size(0) > 1 && x.strides()[0] == 0)  // the same for every lane
    return channels_last(x.slice(0, 0, 1)).expand(x.shape());
  Tensor copy = empty_channels_last(x.shape(), x.dtype(), x.device());
  copy.copy_from(x);
  return copy;
}

namespace detail {
/// `result`, computed by run(result) unless it, or every sum that makes it, is empty.
template <class F>
Tensor unless_empty(const Tensor& a, const Tensor& b, Tensor result, const F& run) {
  if (result.numel() == 0) return result;
  if (a.numel() == 0 || b.numel() == 0)
    result.copy_from(Tensor::zeros({}, a.dtype(), a.device()).expand(result.shape()));
  else
    run(result);
  return result;
}
}  // namespace detail

/// The slot conv2d around run(x, w, y): all have lanes, x and y lie channels last, nothing is
/// empty.
template <class F>
Tensor frame_conv2d(const Tensor& x, const Tensor& w, const ConvAttrs& a, const F& run) {
  if (x.rank() == 4) return frame_conv2d(x.unsqueeze(0), w.unsqueeze(0), a, run).select(0, 0);
  Tensor y =
      empty_channels_last({x.size(0), x.size(1), w.size(1), conv_size(a, 0, x.size(3), w.size(3)),
                           conv_size(a, 1, x.size(4), w.size(4))},
                          x.dtype(), x.device());
  return detail::unless_empty(x, w, y, [&](Tensor& out) { run(channels_last(x), w, out); });
}

/// The slot conv2d_input_grad around run(dy, w, dx), likewise.
template <class F>
Tensor frame_conv2d_input_grad(const Tensor& dy, const Tensor& w, Size2 input, const ConvAttrs& a,
                               const F& run) {
  if (dy.rank() == 4)
    return frame_conv2d_input_grad(dy.unsqueeze(0), w.unsqueeze(0), input, a, run).select(0, 0);
  Tensor dx = empty_channels_last(
      {dy.size(0), dy.size(1), w.size(2) * a.groups, input[0], input[1]}, dy.dtype(), dy.device());
  return detail::unless_empty(dy, w, dx, [&](Tensor& out) { run(channels_last(dy), w, out); });
}

/// The slot conv2d_weight_grad around run(x, dy, dw), likewise; dw is row-major.
template <class F>
Tensor frame_conv2d_weight_grad(const Tensor& x, const Tensor& dy, Size2 kernel, const ConvAttrs& a,
                                const F& run) {
  if (x.rank() == 4)
    return frame_conv2d_weight_grad(x.unsqueeze(0), dy.unsqueeze(0), kernel, a, run).select(0, 0);
  Tensor dw = Tensor::empty({x.size(0), dy.size(2), x.size(2) / a.groups, kernel[0], kernel[1]},
                            x.dtype(), x.device());
  return detail::unless_empty(x, dy, dw,
                              [&](Tensor& out) { run(channels_last(x), channels_last(dy), out); });
}

}  // namespace sonde
