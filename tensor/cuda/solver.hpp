/// @file
/// Linear algebra by cuSOLVER and cuBLAS, in LAPACK's terms: matrices by columns, one behind the
/// other without gaps, overwritten by the result. The tests of a machine without a GPU have another
/// source for this header (tests/cuda/libraries/solver.cpp).
///
/// `info` [count] on the device gets 0 for each matrix for which a method succeeded. No size is 0.
/// All is done in the order of the stream, with the same bits each time; a routine that keeps its
/// workspace on the host makes it wait.
#pragma once

#include <cstdint>

#include "tensor/cuda/runtime.hpp"

namespace sonde::cuda {

template <class T>
struct Matrices {
  T* data;
  std::int64_t count, rows, cols;

  std::int64_t numel() const { return rows * cols; }
  T* matrix(std::int64_t i) const { return data + i * numel(); }
};

/// Which triangle of a matrix by columns is read.
struct ColumnTriangle {
  bool upper, transposed, unit;
};

template <class T>
struct Solver {
  /// A = U'U: U into the upper triangles, which alone are read. What is below them is lost.
  static void potrf(Stream& stream, Matrices<T> a, int* info);

  /// Eigenvalues of symmetric matrices into w [count, n], ascending, and eigenvectors into the
  /// columns of A, of which the upper triangles are read.
  static void syevd(Stream& stream, Matrices<T> a, T* w, int* info);

  /// A = U diag(s) V' for rows >= cols: u [rows, cols], s [cols] descending, vt [cols, cols]. A is
  /// lost.
  static void gesvd(Stream& stream, Matrices<T> a, T* u, T* s, T* vt, int* info);

  /// A = QR for rows >= cols: R into the upper triangles, below them and in tau [count, cols] the
  /// reflectors of which orgqr makes Q [rows, cols].
  static void geqrf(Stream& stream, Matrices<T> a, T* tau);
  static void orgqr(Stream& stream, Matrices<T> a, const T* tau);

  /// A = PLU. Returns the rows [count, n] that were exchanged with rows 1, 2, ...: i32 or i64, as
  /// getrs wants them. info[i] = j > 0 if the j-th pivot is 0; no later one can be relied upon.
  static Tensor getrf(Stream& stream, Matrices<T> a, int* info);
  /// op(A) X = B by getrf's factors: X into B [n, cols].
  static void getrs(Stream& stream, bool transposed, Matrices<T> lu, const Tensor& pivots,
                    Matrices<T> b);

  /// X op(A) = B for triangular A: X into B [rows, n].
  static void trsm(Stream& stream, ColumnTriangle triangle, Matrices<T> a, Matrices<T> b);
};

}  // namespace sonde::cuda
