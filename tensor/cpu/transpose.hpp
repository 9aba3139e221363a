/// @file
/// Matrix transposition through registers, and copies between tensors whose inner axes differ.
#pragma once

#include <cstdint>

#include "tensor/tensor.hpp"

namespace sonde::cpu {

/// dst[c * dst_ld + r] = src[r * src_ld + c] for r < rows and c < cols, on one thread. The matrices
/// do not overlap.
void transpose(std::int64_t rows, std::int64_t cols, const float* src, std::int64_t src_ld,
               float* dst, std::int64_t dst_ld);
void transpose(std::int64_t rows, std::int64_t cols, const double* src, std::int64_t src_ld,
               double* dst, std::int64_t dst_ld);

/// Copies `in` to `out` (same shape and dtype) by transposed blocks, if that is the faster way:
/// elements of 4 or 8 bytes, and `in` contiguous along another axis than `out`. Returns false, with
/// nothing done, if it is not.
bool transposing_copy(const Tensor& in, const Tensor& out);

}  // namespace sonde::cpu
