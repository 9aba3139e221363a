/// @file
/// Convolution as a sum over what each destination position gathers: forward, and the gradient of
/// the input, which gathers from the gradient of the output.
#pragma once

#include "tensor/cuda/conv_plan.hpp"
#include "tensor/cuda/runtime.hpp"

namespace sonde::cuda {

/// An image [lanes, batch, height, width, channels] whose channels are neighbours; strides in
/// elements, any sign.
template <class T>
struct Image {
  T* data;
  std::int64_t lane, batch, row, column;
};

/// dest(d) = sum over taps and s of source(s) * weights(d, tap, s). Channels are those of one
/// group; a lane's groups lie behind each other.
template <class T>
struct GatherConv {
  Image<const T> source;
  Image<T> dest;
  const T* weights;  ///< [groups, dest channels, R*S, source channels] of each lane
  std::int64_t weights_lane;
  std::int64_t lanes, batch;
  std::int64_t groups, source_channels, dest_channels;
  ConvAxis rows, columns;
  bool transposed;  ///< the gradient of the input
};

/// `dest` is the image's tensor, without gaps.
template <class T>
void gather_conv(std::string_view op, Stream& stream, const GatherConv<T>& conv,
                 const Tensor& dest);

}  // namespace sonde::cuda
