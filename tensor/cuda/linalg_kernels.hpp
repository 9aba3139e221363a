/// @file
/// What linear algebra does beside the solver's routines: triangles, checks and determinants.
/// Matrices lie one behind the other without gaps.
#pragma once

#include "tensor/cuda/runtime.hpp"
#include "tensor/matrix_batch.hpp"

namespace sonde::cuda {

/// Factors of square matrices, as Solver::getrf leaves them.
template <class T>
struct LuFactors {
  const T* matrices;
  Tensor pivots;
  const int* info;
};

template <class T>
struct MatrixKernels {
  /// Sets what lies above the diagonals of row-major Cholesky factors to 0, and info[i] to 1 where
  /// matrix i came to a NaN, which potrf may not notice.
  static void finish_cholesky(Stream& stream, const MatrixBatch& b, T* matrices, int* info);
  /// The upper triangles of matrices [rows, cols] by columns into row-major matrices [cols, cols],
  /// with zeros below.
  static void take_upper(Stream& stream, const MatrixBatch& b, const T* by_columns, T* out);
  static void write_identity(Stream& stream, const MatrixBatch& b, T* matrices);

  /// Sets info[i] to 1 where matrix i has a NaN or an infinity, and that matrix to 0: iterative
  /// routines may not return from it.
  static void clear_unless_finite(Stream& stream, const MatrixBatch& b, T* matrices, int* info);
  /// Sets info[i] to 1 where the diagonal of matrix i has a zero.
  static void find_zero_diagonal(Stream& stream, const MatrixBatch& b, const T* matrices,
                                 int* info);

  /// Sign (-1, 0, 1) and logarithm of the absolute value of each determinant.
  static void slogdet_of(Stream& stream, const MatrixBatch& b, const LuFactors<T>& lu, T* sign,
                         T* log);
  static void det_of(Stream& stream, const MatrixBatch& b, const LuFactors<T>& lu, T* det);
};

}  // namespace sonde::cuda
