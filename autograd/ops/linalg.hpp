/// @file
/// Linear algebra on the last two axes; the axes before them are a batch. f32 and f64. All
/// operations have derivatives of every order. A matrix for which a method fails is an
/// Error(numeric); shapes that do not fit an Error(shape).
#pragma once

#include "autograd/primitive.hpp"
#include "tensor/kernels/linalg.hpp"

namespace sonde {

/// Lower triangular L with L L' = (A + A') / 2 for a positive definite matrix [n,n].
Var cholesky(Operand a);

struct Eigh {
  Var values;   ///< [n], ascending
  Var vectors;  ///< [n,n], one per column
};
/// Eigenvalues and orthonormal eigenvectors of (A + A') / 2. The sign of an eigenvector is
/// arbitrary, and so are eigenvectors of equal eigenvalues: their derivative is NaN there (the
/// values' is not).
Eigh eigh(Operand a);

struct Svd {
  Var u;   ///< [m,k], orthonormal columns, k = min(m, n)
  Var s;   ///< [k], descending
  Var vt;  ///< [k,n], orthonormal rows
};
/// A = U diag(s) V' of [m,n]. Derivatives of U and V at equal singular values, or at a zero one of
/// a matrix that is not square, are NaN (those of s are not).
Svd svd(Operand a);

struct Qr {
  Var q;  ///< [m,k], orthonormal columns, k = min(m, n)
  Var r;  ///< [k,n], upper triangular
};
/// A = Q R of [m,n]. The derivative needs the first k columns of A to be independent:
/// Error(numeric) if they are not.
Qr qr(Operand a);

/// X with op(A) X = B for A [n,n] and B [n,k] or a vector [n]; batch axes broadcast. Error(numeric)
/// if A is singular.
Var solve(Operand a, Operand b, bool transposed = false);
/// The same for a triangular A, of which only the triangle named is read.
Var triangular_solve(Operand a, Operand b, kernels::Triangle triangle = {});
/// A^-1 of [n,n]. To solve equations, `solve` is faster and more accurate.
Var inv(Operand a);
/// Determinant of [n,n]. The derivative exists here for invertible matrices: Error(numeric) at
/// others.
Var det(Operand a);

struct Slogdet {
  Var sign;       ///< -1, 0 or 1
  Var logabsdet;  ///< -inf for a singular matrix
};
/// Sign and logarithm of |det A|, where the determinant itself would overflow.
Slogdet slogdet(Operand a);
/// log det A; NaN if the determinant is negative.
Var logdet(Operand a);

/// The x of least |A x - b| for A [m,n] with m >= n, or of least |x| with A x = b for m < n; B
/// [m,k] or a vector [m]. A has full rank: Error(numeric) otherwise.
Var lstsq(Operand a, Operand b);

}  // namespace sonde
