/// @file
/// A tensor written as row-major rows along one of its axes.
#pragma once

#include "tensor/tensor.hpp"

namespace sonde {

/// `t` with `axis` last: a view of it if that is row-major, else a buffer for `put_rows`.
inline Tensor rows_along(const Tensor& t, int axis) {
  const Tensor moved = t.transpose(axis, -1);
  return moved.is_contiguous() ? moved : Tensor::empty(moved.shape(), t.dtype(), t.device());
}

/// Copies the rows back to where they belong, if they are a buffer.
inline void put_rows(const Tensor& rows, Tensor& t, int axis) {
  if (&rows.storage() != &t.storage()) t.transpose(axis, -1).copy_from(rows);
}

}  // namespace sonde
