/// @file
/// Kernel slots of linear algebra. All work on the last two axes and loop over the axes before
/// them, which agree among inputs and outputs. Inputs have any strides; outputs are written whole,
/// and each matrix of an output is row-major or, where the slot says so, column-major. A method
/// that fails (singular, not positive definite, no convergence; cholesky, eigh and svd also of NaN,
/// which the others pass on) is an Error(numeric) that names the first bad matrix of the batch. To
/// know that, the host waits for a device, except in qr, slogdet, det, and triangular_solve with a
/// unit diagonal.
#pragma once

#include "tensor/kernel.hpp"
#include "tensor/tensor.hpp"

namespace sonde::kernels {

/// A = L L' with L lower triangular, [n,n] -> [n,n]. Reads the lower triangle of A.
using Cholesky = void(const Tensor& a, Tensor& l);
inline Kernel<Cholesky> cholesky{"cholesky"};

/// Symmetric A = V diag(w) V', eigenvalues ascending. Reads the lower triangle of A; v is
/// column-major.
using Eigh = void(const Tensor& a, Tensor& w, Tensor& v);
inline Kernel<Eigh> eigh{"eigh"};

/// A [m,n] = U diag(s) V' with U [m,k], s [k] descending, vt [k,n] for k = min(m, n).
using Svd = void(const Tensor& a, Tensor& u, Tensor& s, Tensor& vt);
inline Kernel<Svd> svd{"svd"};

/// A [m,n] = Q R with Q [m,n] (column-major) and R [n,n] upper triangular, for m >= n.
using Qr = void(const Tensor& a, Tensor& q, Tensor& r);
inline Kernel<Qr> qr{"qr"};

/// Which triangular system is solved: the triangle that is read, and whether A or its transpose
/// stands on the left.
struct Triangle {
  bool lower = true, transposed = false, unit = false;  ///< unit: the diagonal is taken for ones
};
/// op(A) X = B for triangular A [n,n] and B [n,k].
using TriangularSolve = void(const Tensor& a, const Tensor& b, Triangle triangle, Tensor& x);
inline Kernel<TriangularSolve> triangular_solve{"triangular_solve"};

/// op(A) X = B for A [n,n] and B [n,k]; x is column-major.
using Solve = void(const Tensor& a, const Tensor& b, bool transposed, Tensor& x);
inline Kernel<Solve> solve{"solve"};

using Inverse = void(const Tensor& a, Tensor& x);
inline Kernel<Inverse> inverse{"inv"};

/// Sign (-1, 0, 1) and logarithm of the absolute value (-inf) of the determinant; no matrix is an
/// error.
using Slogdet = void(const Tensor& a, Tensor& sign, Tensor& logabsdet);
inline Kernel<Slogdet> slogdet{"slogdet"};
using Det = void(const Tensor& a, Tensor& det);
inline Kernel<Det> det{"det"};

}  // namespace sonde::kernels
