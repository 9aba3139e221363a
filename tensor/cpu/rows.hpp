/// @file
/// Rows: a tensor seen as contiguous rows along one axis.
#pragma once

#include "tensor/tensor.hpp"

namespace sonde::cpu {

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

/// Uninitialised, of this shape, `axis` innermost in memory: what is written as rows needs no copy
/// back.
inline Tensor empty_rows(const Dims& shape, int axis, DType dtype) {
  return Tensor::empty_ordered(shape, axis_last(shape.rank(), axis), dtype);
}

/// Calls f(T{}) with T = float or double, whichever `t` is.
template <class F>
void visit_float(DType t, F&& f) {
  t == DType::f32 ? f(float{}) : f(double{});
}

/// Rows per parallel chunk: a chunk is worth some 20 us.
inline std::int64_t row_grain(std::int64_t row_size) {
  constexpr std::int64_t elements = 1 << 14;
  return elements / (row_size > 0 ? row_size : 1) + 1;
}

}  // namespace sonde::cpu
