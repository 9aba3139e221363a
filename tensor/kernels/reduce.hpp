/// @file
/// Kernel slots of reductions.
#pragma once

#include "tensor/kernel.hpp"
#include "tensor/tensor.hpp"

namespace sonde::kernels {

/// `out` (allocated, row-major, with or without the reduced axes as size 1) from `in` over `axes` (normalised).
/// Looked up by the dtype of `in`.
using Reduce = void(const Tensor& in, const Dims& axes, Tensor& out);

/// Floats in their own type with blocked or pairwise sums; integers and bool into i64.
inline Kernel<Reduce> sum{"sum"};

}  // namespace sonde::kernels
