/// @file
/// The tile of conv_tiles.hpp on tensor cores: f32 whose factors are rounded to TF32.
#pragma once

#include "tensor/cuda/conv_tiles.hpp"
#include "tensor/cuda/tensor_core.hpp"

namespace sonde::cuda {

/// M x N results for a block, WM x WN of them for each warp. With `depth_inner`, slices lie in
/// shared memory as their operands are neighbours in memory: along the depth, else along the
/// extent. Each pitch sends the lanes of a warp to different banks. Bound by reading shared memory.
template <int M, int N, int WM, int WN, bool DepthInner>
struct TensorTile {
  using Element = float;
  static constexpr int m = M, n = N, rows = WM / 8, columns = WN / 4;
  static constexpr int depth = 16;
  static constexpr int warps_n = N / WN, threads = M / WM * warps_n * 32;
  static constexpr int blocks_per_sm = rows * columns > 64 ? 2 : 4;
  static constexpr bool depth_inner = DepthInner;
  static constexpr int pack_n = 2;

  template <int Extent>
  using Operand =
      std::conditional_t<DepthInner, float[Extent][depth + 4], float[depth][Extent + 8]>;
  struct alignas(16) Slice {
    Operand<M> a;
    Operand<N> b;
  };
  using Sums = float[rows][columns];

  static __device__ int lane() { return static_cast<int>(threadIdx.x) % 32; }
  static __device__ int warp() { return static_cast<int>(threadIdx.x) / 32; }
  static __device__ int row(int i) {
    return warp() / warps_n * WM + i / 2 * 16 + i % 2 * 8 + lane() / 4;
  }
  static __device__ int column(int j) {
    return warp() % warps_n * WN + j / 2 * 8 + lane() % 4 * 2 + j % 2;
  }
  static __device__ float rounded(float x) { return to_tf32(x); }

  static __device__ void multiply(const Slice& slice, Sums& sums) {
#pragma unroll
    for (int k = 0; k < depth; k += 8) {
      const int t = k + lane() % 4;
      float a[WM / 16][4], b[WN / 8][2];
#pragma unroll
      for (int i = 0; i < WM / 16; ++i)
#pragma unroll
        for (int e = 0; e < 4; ++e) a[i][e] = at(slice.a, row(2 * i + e % 2), t + e / 2 * 4);
#pragma unroll
      for (int j = 0; j < WN / 8; ++j)
#pragma unroll
        for (int e = 0; e < 2; ++e)
          b[j][e] = at(slice.b, warp() % warps_n * WN + j * 8 + lane() / 4, t + e * 4);
#pragma unroll
      for (int i = 0; i < WM / 16; ++i)
#pragma unroll
        for (int j = 0; j < WN / 8; ++j)
          multiply_add_tf32(a[i], b[j], sums[2 * i][2 * j], sums[2 * i][2 * j + 1],
                            sums[2 * i + 1][2 * j], sums[2 * i + 1][2 * j + 1]);
    }
  }

 private:
  template <class Operand>
  static __device__ float at(const Operand& x, int extent, int k) {
    return DepthInner ? x[extent][k] : x[k][extent];
  }
};

}  // namespace sonde::cuda
