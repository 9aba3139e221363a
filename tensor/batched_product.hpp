/// @file
/// A batch of matrix products as strides alone: what the backends' kernels of matmul share.
#pragma once

#include <cstdint>
#include <span>
#include <type_traits>

#include "tensor/small_vector.hpp"
#include "tensor/tensor.hpp"

namespace sonde {

/// A matrix in memory: element (i, j) lies at data[i * row_stride + j * col_stride]; any strides,
/// also 0 or negative.
template <class T>
struct Matrix {
  T* data = nullptr;
  std::int64_t rows = 0, cols = 0, row_stride = 0, col_stride = 1;

  Matrix transposed() const { return {data, cols, rows, col_stride, row_stride}; }
  Matrix block(std::int64_t i, std::int64_t j, std::int64_t height, std::int64_t width) const {
    return {data + i * row_stride + j * col_stride, height, width, row_stride, col_stride};
  }
  template <class U>
  requires(std::is_same_v<U, const T> && !std::is_const_v<T>) operator Matrix<U>() const {
    return {data, rows, cols, row_stride, col_stride};
  }
};

/// The last two axes of `t`, whose first element lies at `data`.
template <class T>
Matrix<T> matrix_of(const Tensor& t, T* data) {
  const int r = t.rank() - 2, c = t.rank() - 1;
  return {data, t.shape()[r], t.shape()[c], t.strides()[r], t.strides()[c]};
}

/// One axis of a batch: its size, and how far one step moves in A, B and C (0: the same matrix
/// again).
struct BatchAxis {
  std::int64_t size, a, b, c;
};
using BatchAxes = SmallVector<BatchAxis, max_rank>;

/// The axes of `out` before its last two, outermost first; those of a and b are aligned at the
/// right and broadcast.
BatchAxes batch_axes(const Tensor& a, const Tensor& b, const Tensor& out);
/// Axes of size 1 go; an axis that all three walk as one with its outer neighbour is merged into
/// it.
BatchAxes merged(std::span<const BatchAxis> axes);

namespace detail {
// The rows of `count` matrices, `step` apart, as those of one: they follow at the stride of the
// rows, or each has but one.
template <class T>
bool rows_follow(const Matrix<T>& m, std::int64_t step) {
  return m.rows == 1 || step == m.rows * m.row_stride;
}
template <class T>
void stack_rows(Matrix<T>& m, std::int64_t count, std::int64_t step) {
  if (m.rows == 1) m.row_stride = step;
  m.rows *= count;
}
}  // namespace detail

/// Makes one product of those along `axis`, if it can: [batch, m, k] x [k, n] with the matrices of
/// A and of C one below the other is [batch * m, k] x [k, n]. The mirror image, [m, k] x [batch, k,
/// n] with the matrices of B and of C side by side, is [m, k] x [k, batch * n].
template <class T>
bool absorb_axis(const BatchAxis& axis, Matrix<const T>& a, Matrix<const T>& b, Matrix<T>& c) {
  using detail::rows_follow, detail::stack_rows;
  Matrix<T> ct = c.transposed();
  Matrix<const T> bt = b.transposed();
  if (axis.b == 0 && rows_follow(a, axis.a) && rows_follow(c, axis.c)) {
    stack_rows(a, axis.size, axis.a);
    stack_rows(c, axis.size, axis.c);
  } else if (axis.a == 0 && rows_follow(bt, axis.b) && rows_follow(ct, axis.c)) {
    stack_rows(bt, axis.size, axis.b);
    stack_rows(ct, axis.size, axis.c);
    b = bt.transposed(), c = ct.transposed();
  } else {
    return false;
  }
  return true;
}

}  // namespace sonde
