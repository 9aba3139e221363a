/// @file
/// Kernel slot of matrix products.
#pragma once

#include "tensor/kernel.hpp"
#include "tensor/tensor.hpp"

namespace sonde::kernels {

/// out[B..., m, n] = a[B..., m, k] x b[B..., k, n]; batch axes of a and b are aligned at the right
/// and broadcast to out's. Inner size 0 gives zeros. Any strides.
using Matmul = void(const Tensor& a, const Tensor& b, Tensor& out);
inline Kernel<Matmul> matmul{"matmul"};

}  // namespace sonde::kernels
