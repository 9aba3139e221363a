/// @file
/// Channels-last images: logical [L,N,C,H,W], in memory [L,N,H,W,C].
#pragma once

#include "tensor/tensor.hpp"

namespace sonde::cpu {

inline Tensor empty_channels_last(const Dims& shape, DType dtype) {
  return Tensor::empty_ordered(shape, {0, 1, 3, 4, 2}, dtype);
}

/// `x` itself if its channels are neighbours in memory (the other strides may be anything), else a
/// channels-last copy.
inline Tensor channels_last(const Tensor& x) {
  if (x.size(2) == 1 || x.strides()[2] == 1) return x;
  if (x.size(0) > 1 && x.strides()[0] == 0)  // the same for every lane
    return channels_last(x.slice(0, 0, 1)).expand(x.shape());
  Tensor copy = empty_channels_last(x.shape(), x.dtype());
  copy.copy_from(x);
  return copy;
}

}  // namespace sonde::cpu
