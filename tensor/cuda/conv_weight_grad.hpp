/// @file
/// The gradient of a convolution's weights: products of the output's gradient with the input,
/// summed over all pixels.
#pragma once

#include "tensor/cuda/conv_gather.hpp"

namespace sonde::cuda {

/// grad(k, c, tap) = sum over output pixels of output_grad(pixel, k) * input(pixel + tap, c).
/// Channels are those of one group; a lane's groups lie behind each other.
template <class T>
struct WeightGrad {
  Image<const T> input, output_grad;
  T* grad;  ///< [lanes, groups, out channels, in channels, R, S], row-major
  std::int64_t lanes, batch;
  std::int64_t groups, in_channels, out_channels;
  ConvAxis rows, columns;
};

/// `grad` is the tensor of the weights' gradient.
template <class T>
void conv_weight_grad(std::string_view op, Stream& stream, const WeightGrad<T>& conv, Tensor& grad);

}  // namespace sonde::cuda
