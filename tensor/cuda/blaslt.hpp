/// @file
/// Matrix products by cuBLASLt, in its own terms: matrices by columns. The tests of a machine
/// without a GPU have another source for this header (tests/cuda/libraries/blaslt.cpp).
#pragma once

#include <cstdint>

#include "tensor/cuda/runtime.hpp"

namespace sonde::cuda {

/// What becomes of a product before it is written: `bias` adds bias[i] to row i, `gelu` is the one
/// by tanh. Of f32 and bf16.
enum class Epilogue : std::uint8_t { none, bias, gelu, gelu_bias };

/// D = epilogue(op(A) op(B)) for op(A) [m,k], op(B) [k,n] and D [m,n]. Element (i, j) of a matrix
/// lies at i + j * ld, and the next matrix of the batch `step` further on. No size is 0, no
/// leading dimension smaller than a column, no step negative; matrices of D lie apart.
struct Gemm {
  DType dtype = DType::f32;  ///< of A, B, D and bias: f32, f64, or bf16 (which adds up in f32)
  bool tf32 = false;         ///< f32: the factors are rounded to 10 bits of mantissa
  bool transposed_a = false, transposed_b = false;
  Epilogue epilogue = Epilogue::none;
  std::int64_t m = 0, n = 0, k = 0;
  std::int64_t lda = 0, ldb = 0, ldd = 0;
  std::int64_t batch = 1, step_a = 0, step_b = 0, step_d = 0;
  friend auto operator<=>(const Gemm&, const Gemm&) = default;
};

struct GemmPointers {
  const void *a, *b;
  void* d;
  const void* bias = nullptr;  ///< [m], for all matrices of the batch
};

/// In the order of the stream; the same bits each time. Error(size) if m, n or k is beyond 2^31 -
/// 1.
void gemm(Stream& stream, const Gemm& problem, const GemmPointers& at);

}  // namespace sonde::cuda
