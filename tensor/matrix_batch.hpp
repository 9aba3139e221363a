/// @file
/// What the backends' kernels of linear algebra share: batches of matrices, and how they fail.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "tensor/tensor.hpp"

namespace sonde {

/// The matrices of a tensor: its last two axes, counted over the axes before them.
struct MatrixBatch {
  std::int64_t count, rows, cols;
  constexpr std::int64_t matrix() const { return rows * cols; }
};
MatrixBatch batch_of(const Tensor& a);

/// Elements of `from`, broadcast and converted, into `to`, by the device's kernel.
void copy_into(const Tensor& from, const Tensor& to);
/// A row-major copy that a routine may overwrite. Read by columns it is the transpose.
Tensor work_copy(const Tensor& a);

/// Why a method fails; follows "matrix 3 of 8".
namespace failure {
inline constexpr std::string_view not_positive = "is not positive definite",
                                  no_eigenvalues = "has no eigenvalues: NaN, Inf or no convergence",
                                  no_singular_values =
                                      "has no singular values: NaN, Inf or no convergence",
                                  zero_on_diagonal = "has a zero on its diagonal",
                                  singular = "is singular";
}
/// Error(numeric) naming the first matrix whose `info` is not 0, if there is one.
void check_info(std::span<const int> info, std::string_view op, std::string_view failure);

}  // namespace sonde
