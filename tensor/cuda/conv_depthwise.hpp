/// @file
/// Convolutions whose groups have one input channel each: every channel by itself. They do too few
/// products for each element to gain from tiles, and are bound by memory or the first cache.
#pragma once

#include "tensor/cuda/conv_gather.hpp"

namespace sonde::cuda {

/// A depthwise convolution with `multiplier` output channels for each input channel.
template <class T>
struct Depthwise {
  Image<const T> source;
  Image<T> dest;
  const T* weights;  ///< [R*S, output channels] of each lane
  std::int64_t weights_lane;
  std::int64_t lanes, batch;
  std::int64_t dest_channels, multiplier;
  ConvAxis rows, columns;
  bool transposed;  ///< the gradient of the input, which sums over `multiplier` channels
};
template <class T>
void depthwise_conv(std::string_view op, Stream& stream, const Depthwise<T>& conv);

template <class T>
struct DepthwiseWeightGrad {
  Image<const T> input, output_grad;
  T* grad;  ///< [lanes, output channels, R, S], row-major
  std::int64_t lanes, batch;
  std::int64_t channels, multiplier;  ///< of the output; output channels for each input channel
  ConvAxis rows, columns;
};
/// `grad` is the tensor of the weights' gradient.
template <class T>
void depthwise_weight_grad(std::string_view op, Stream& stream, const DepthwiseWeightGrad<T>& conv,
                           Tensor& grad);

}  // namespace sonde::cuda
