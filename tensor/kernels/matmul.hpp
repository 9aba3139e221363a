/// @file
/// Kernel slot of matrix products.
#pragma once

#include "tensor/kernel.hpp"
#include "tensor/tensor.hpp"

namespace sonde {

/// Whether products of f32 on a CUDA device may round their factors to TF32 (10 bits of mantissa)
/// for its tensor cores: several times as fast, with errors near 1e-3 of the largest result
/// instead of 1e-7. Off by default. Safe to call from any thread.
bool matmul_tf32();
void set_matmul_tf32(bool on);

}  // namespace sonde

namespace sonde::kernels {

/// out[B..., m, n] = a[B..., m, k] x b[B..., k, n]; batch axes of a and b are aligned at the right
/// and broadcast to out's. Inner size 0 gives zeros. Any strides. f32, f64, i32 and i64;
/// on a CUDA device bf16 too, which adds up in f32 and rounds once.
using Matmul = void(const Tensor& a, const Tensor& b, Tensor& out);
inline Kernel<Matmul> matmul{"matmul"};

}  // namespace sonde::kernels
