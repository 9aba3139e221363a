/// @file
/// How attention's operands lie in memory. Shared by the backends.
#pragma once

#include "tensor/tensor.hpp"

namespace sonde {

/// With no gaps between the elements of a row: itself, or a row-major copy.
Tensor dense_rows(const Tensor& t);

/// The axes of `t` from the outermost in memory to the innermost, but the last one innermost: a
/// result in this order goes back to [.., time, heads * d] without a copy.
Dims row_order(const Tensor& t);

/// [..., T, S] for q [..., T, d].
Dims scores_shape(const Tensor& q, std::int64_t keys);

}  // namespace sonde
