/// @file
/// Matrix products of f32 and f64: the front door for all kernels. Small, batched and transposed
/// products run on an own register-blocked kernel, large ones on OpenBLAS. Results do not depend on
/// the number of threads.
#pragma once

#include <cstdint>
#include <span>
#include <type_traits>

#include "tensor/batched_product.hpp"

namespace sonde::cpu {

using sonde::BatchAxis, sonde::Matrix;

/// Row-major, without gaps.
template <class T>
Matrix<T> matrix(T* data, std::int64_t rows, std::int64_t cols) {
  return {data, rows, cols, cols, 1};
}
template <class T>
using ConstMatrix = Matrix<const std::type_identity_t<T>>;

/// What C holds before the product is added to it.
enum class GemmStart { zero, accumulate };

/// C = A B, or C += A B. Inner size 0 gives zeros (or leaves C). On all threads if the product is
/// large enough. C overlaps neither A nor B; its rows or its columns are contiguous and do not
/// overlap (with a bias: its rows). Float and double.
template <class T>
void gemm(ConstMatrix<T> a, ConstMatrix<T> b, Matrix<T> c, GemmStart start = GemmStart::zero);
/// C = A B + bias, where `bias` has one element per column of C.
template <class T>
void gemm_bias(ConstMatrix<T> a, ConstMatrix<T> b, const std::type_identity_t<T>* bias,
               Matrix<T> c);
/// gemm() on the calling thread alone, for kernels that are parallel around it.
template <class T>
void gemm_serial(ConstMatrix<T> a, ConstMatrix<T> b, Matrix<T> c,
                 GemmStart start = GemmStart::zero);

/// gemm() for every index of the batch axes (outermost first), in parallel over the batch. A batch
/// whose matrices lie one below the other and share the second factor runs as one tall product.
template <class T>
void gemm_batch(std::span<const BatchAxis> axes, ConstMatrix<T> a, ConstMatrix<T> b, Matrix<T> c,
                GemmStart start = GemmStart::zero);

}  // namespace sonde::cpu
