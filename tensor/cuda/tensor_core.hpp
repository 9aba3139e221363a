/// @file
/// Products of small matrices on tensor cores, by all lanes of a warp together. Devices before
/// compute capability 8.0 have none for TF32: there, and on the simulated device, the lanes hand
/// each other what they hold.
#pragma once

#include <cuda_runtime.h>

#include <cmath>
#include <cstdint>

namespace sonde::cuda {

/// Rounded to TF32, 10 bits of mantissa; ties go away from zero.
__device__ inline float to_tf32(float x) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  std::uint32_t bits;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
  return __uint_as_float(bits);
#else
  constexpr std::uint32_t half = 1U << 12;
  return std::isfinite(x) ? __uint_as_float((__float_as_uint(x) + half) & ~(2 * half - 1)) : x;
#endif
}

/// C [16,8] += A [16,8] B [8,8], the factors in TF32. With g = lane / 4 and t = lane % 4 a lane
/// holds a = {A[g][t], A[g+8][t], A[g][t+4], A[g+8][t+4]}, b = {B[t][g], B[t+4][g]} and of C
/// [g][2t], [g][2t+1], [g+8][2t], [g+8][2t+1]. (PTX ISA, mma.m16n8k8.)
__device__ inline void multiply_add_tf32(const float (&a)[4], const float (&b)[2], float& c0,
                                         float& c1, float& c2, float& c3) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(c0), "+f"(c1), "+f"(c2), "+f"(c3)
      : "r"(__float_as_uint(a[0])), "r"(__float_as_uint(a[1])), "r"(__float_as_uint(a[2])),
        "r"(__float_as_uint(a[3])), "r"(__float_as_uint(b[0])), "r"(__float_as_uint(b[1])));
#else
  const int lane = static_cast<int>(threadIdx.x) % 32, row = lane / 4 * 4, column = lane % 4 * 8;
  for (int k = 0; k < 8; ++k) {
    const int t = k % 4, half = k / 4;
    const float upper = __shfl_sync(~0U, a[2 * half], row + t),
                lower = __shfl_sync(~0U, a[2 * half + 1], row + t),
                left = __shfl_sync(~0U, b[half], column + t),
                right = __shfl_sync(~0U, b[half], column + 4 + t);
    c0 += upper * left;
    c1 += upper * right;
    c2 += lower * left;
    c3 += lower * right;
  }
#endif
}

}  // namespace sonde::cuda
