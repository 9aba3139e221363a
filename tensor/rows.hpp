/// @file
/// Rows: a tensor seen as contiguous rows along one axis. Shared by the backends.
#pragma once

#include "tensor/tensor.hpp"

namespace sonde {

/// All axes of `rank` in order, but `axis` last.
inline Dims axis_last(int rank, int axis) {
  Dims order;
  for (int i = 0; i < rank; ++i)
    if (i != axis) order.push_back(i);
  order.push_back(axis);
  return order;
}

/// Row-major storage with `axis` innermost; a copy unless the memory already lies so (a last axis,
/// or the channels of a channels-last image).
inline Tensor as_rows(const Tensor& t, int axis) {
  return t.permute(axis_last(t.rank(), axis)).contiguous();
}

/// Uninitialised, as `like`, `axis` innermost in memory: what is written as rows needs no copy
/// back.
inline Tensor empty_rows(const Tensor& like, int axis) {
  return Tensor::empty_ordered(like.shape(), axis_last(like.rank(), axis), like.dtype(),
                               like.device());
}

}  // namespace sonde
