/// @file
/// Products of tiles that lie in shared memory, for kernels that do something with a product
/// before it leaves the registers. A block is 16 x 16 threads; the thread (down, across) holds the
/// rows down + 16 i of a result. All sums go over the inner index in its order.
#pragma once

#include <cstdint>

#include "tensor/cuda/launch.hpp"
#include "tensor/cuda/pack.hpp"

namespace sonde::cuda {

inline constexpr int tile_side = 16, tile_threads = tile_side * tile_side;

/// Blocks that go over `items` tiles.
inline Grid tile_grid(std::int64_t items, std::int64_t shared_bytes) {
  constexpr std::int64_t most = 1 << 30;
  return {std::min(items, most), tile_threads, shared_bytes};
}

/// Elements from one row of a tile to the next: one vector more than a row, so that the 16 rows
/// that a warp reads at once lie in different banks.
template <class T>
constexpr int pitch_of(int columns) {
  return columns + widest<T>;
}

#if defined(__CUDACC__) || defined(SONDE_CUDA_SIMULATOR)
__device__ inline int thread_down() {
  return static_cast<int>(threadIdx.x) / tile_side;
}
__device__ inline int thread_across() {
  return static_cast<int>(threadIdx.x) % tile_side;
}

/// A tile [rows, columns] on its way to shared memory: fetch() issues all its loads, store() waits
/// for them. What the block computes in between hides their latency.
template <class T, int rows, int columns>
class TileInFlight {
  static constexpr int size = widest<T>, per_row = columns / size;
  static constexpr int count = rows * per_row / tile_threads;
  static_assert(count * tile_threads == rows * per_row, "each thread moves as many vectors");

 public:
  /// Row r begins at row(r); null is a row of zeros. So are the columns from `present` on.
  template <class Row>
  __device__ void fetch(Row row, std::int64_t present, bool aligned) {
#pragma unroll
    for (int i = 0; i < count; ++i) {
      const int at = static_cast<int>(threadIdx.x) + i * tile_threads, column = at % per_row * size;
      const T* from = row(at / per_row);
      packs_[i] = {};
      if (!from || column >= present) continue;
      if (aligned) {
        packs_[i] = load_pack<size>(from + column);
      } else {
#pragma unroll
        for (int j = 0; j < size; ++j)
          if (column + j < present) packs_[i].v[j] = from[column + j];
      }
    }
  }

  /// Rows of the tile are pitch_of<T>(columns) apart.
  __device__ void store(T* tile) const {
#pragma unroll
    for (int i = 0; i < count; ++i) {
      const int at = static_cast<int>(threadIdx.x) + i * tile_threads;
      store_pack<size>(tile + at / per_row * pitch_of<T>(columns) + at % per_row * size, packs_[i]);
    }
  }

 private:
  Pack<T, size> packs_[count];
};

/// sums[i][j] += (row down + 16 i of a) . (row across + 16 j of b), over the first `depth` columns
/// (and those up to a whole vector, which hold zeros).
template <int a_pitch, int b_pitch, class T, int m, int n>
__device__ void add_inner_products(const T* a, const T* b, int depth, T (&sums)[m][n]) {
  constexpr int size = widest<T>;
  a += thread_down() * a_pitch;
  b += thread_across() * b_pitch;
#pragma unroll 1
  for (int k = 0; k < depth; k += size) {
    Pack<T, size> x[m], y[n];
#pragma unroll
    for (int i = 0; i < m; ++i) x[i] = load_pack<size>(a + i * tile_side * a_pitch + k);
#pragma unroll
    for (int j = 0; j < n; ++j) y[j] = load_pack<size>(b + j * tile_side * b_pitch + k);
#pragma unroll
    for (int l = 0; l < size; ++l)
#pragma unroll
      for (int i = 0; i < m; ++i)
#pragma unroll
        for (int j = 0; j < n; ++j) sums[i][j] += x[i].v[l] * y[j].v[l];
  }
}

/// The columns of a result [rows, 16 n] that a thread holds: groups of `size` adjacent ones, which
/// it reads and writes at once.
template <class T, int n>
struct ThreadColumns {
  static constexpr int size = n < widest<T> ? n : widest<T>, groups = n / size;
  __device__ static int first(int group) { return (group * tile_side + thread_across()) * size; }
};

/// sums[i][.] += row down + 16 i of a [., depth] times b [depth, 16 n]. Depth is rounded up to a
/// whole vector; there a holds zeros and b no NaN.
template <int a_pitch, int b_pitch, class T, int m, int n>
__device__ void add_product(const T* a, const T* b, int depth, T (&sums)[m][n]) {
  using Columns = ThreadColumns<T, n>;
  constexpr int size = widest<T>;
  a += thread_down() * a_pitch;
#pragma unroll 1
  for (int k = 0; k < depth; k += size) {
    Pack<T, size> x[m];
#pragma unroll
    for (int i = 0; i < m; ++i) x[i] = load_pack<size>(a + i * tile_side * a_pitch + k);
#pragma unroll
    for (int l = 0; l < size; ++l)
#pragma unroll
      for (int g = 0; g < Columns::groups; ++g) {
        const auto y = load_pack<Columns::size>(b + (k + l) * b_pitch + Columns::first(g));
#pragma unroll
        for (int i = 0; i < m; ++i)
#pragma unroll
          for (int c = 0; c < Columns::size; ++c)
            sums[i][g * Columns::size + c] += x[i].v[l] * y.v[c];
      }
  }
}

/// The sum over the 16 threads of a row of threads, in all of them.
template <class T>
__device__ T sum_across(T value) {
#pragma unroll
  for (int step = tile_side / 2; step > 0; step /= 2)
    value += __shfl_xor_sync(0xffffffffu, value, step);
  return value;
}
/// The maximum, likewise; NaNs are passed over.
template <class T>
__device__ T max_across(T value) {
#pragma unroll
  for (int step = tile_side / 2; step > 0; step /= 2)
    value = max(value, __shfl_xor_sync(0xffffffffu, value, step));
  return value;
}
#endif

}  // namespace sonde::cuda
