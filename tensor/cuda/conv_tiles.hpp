/// @file
/// The loop over tiles that every convolution is: a block computes a tile [m,n] of a product of
/// matrices whose operands are not there as matrices. A `source` finds their elements; the loop
/// stages slices of `depth` of them in two buffers of shared memory, loading one slice while it
/// multiplies the other. Bound by multiply-adds: each element staged is used m or n times.
#pragma once

#include "tensor/cuda/launch.hpp"
#include "tensor/cuda/pack.hpp"

namespace sonde::cuda {

/// M x N results for a block, TM x TN of them for each thread.
template <class T, int M, int N, int TM, int TN>
struct Tile {
  using Element = T;
  static constexpr int m = M, n = N, rows = TM, columns = TN;
  static constexpr int depth = 64 / static_cast<int>(sizeof(T));
  static constexpr int threads_n = N / TN, threads = M / TM * threads_n;
  /// Blocks that an SM shall hold at once, which bounds the registers of a thread: 128, in f64 168.
  static constexpr int blocks_per_sm = (sizeof(T) == 4 ? 512 : 384) / threads;

  /// A slice of both operands; the padding spreads columns over banks and keeps rows aligned.
  struct alignas(16) Slice {
    T a[depth][M + widest<T>];
    T b[depth][N + widest<T>];
  };
  using Sums = T[TM][TN];
  static constexpr bool depth_inner = false;  ///< of both operands of a slice
  static constexpr int pack_m = TM < widest<T> ? TM : widest<T>;
  static constexpr int pack_n = TN < widest<T> ? TN : widest<T>;

  /// Row and column, within the tile, of a thread's sum: packs of neighbours, far from each other,
  /// so that the threads of a warp read neighbouring packs.
  static __host__ __device__ int row(int i) {
    return i / pack_m * pack_m * (M / TM) + static_cast<int>(threadIdx.x) / threads_n * pack_m +
           i % pack_m;
  }
  static __host__ __device__ int column(int j) {
    return j / pack_n * pack_n * threads_n + static_cast<int>(threadIdx.x) % threads_n * pack_n +
           j % pack_n;
  }
  /// What becomes of an element on its way to shared memory.
  static __device__ T rounded(T x) { return x; }

  static __device__ void multiply(const Slice& slice, Sums& sums) {
#pragma unroll
    for (int k = 0; k < depth; ++k) {
      Pack<T, pack_m> a[TM / pack_m];
      Pack<T, pack_n> b[TN / pack_n];
#pragma unroll
      for (int i = 0; i < TM; i += pack_m) a[i / pack_m] = load_pack<pack_m>(&slice.a[k][row(i)]);
#pragma unroll
      for (int j = 0; j < TN; j += pack_n)
        b[j / pack_n] = load_pack<pack_n>(&slice.b[k][column(j)]);
#pragma unroll
      for (int i = 0; i < TM; ++i)
#pragma unroll
        for (int j = 0; j < TN; ++j)
          sums[i][j] += a[i / pack_m].v[i % pack_m] * b[j / pack_n].v[j % pack_n];
    }
  }
};

/// Most blocks of a grid.
inline constexpr std::int64_t most_blocks = INT32_MAX;

/// Blocks that make a result [m,n].
template <class Tile>
std::int64_t tiles_m(std::int64_t m) {
  return (m + Tile::m - 1) / Tile::m;
}
template <class Tile>
std::int64_t tiles_n(std::int64_t n) {
  return (n + Tile::n - 1) / Tile::n;
}

template <class Tile, int Width>
__device__ void round_all(Pack<typename Tile::Element, Width>& pack) {
#pragma unroll
  for (auto& x : pack.v) x = Tile::rounded(x);
}

/// A thread's share of an operand's slice whose elements are neighbours along the depth.
template <class Tile, int Extent, int Width>
class AlongDepth {
  using T = typename Tile::Element;
  static constexpr int across = Tile::depth / Width, step = Tile::threads / across,
                       passes = (Extent + step - 1) / step;
  Pack<T, Width> staged_[passes];

  static __device__ int extent(int pass) {
    return static_cast<int>(threadIdx.x) / across + pass * step;
  }

 public:
  /// Where in the slice's depth this thread's elements begin.
  static __device__ int depth() { return static_cast<int>(threadIdx.x) % across * Width; }

  /// address(extent) points to the elements of a row, null where they are zero.
  template <class Address>
  __device__ void fetch(const Address& address) {
#pragma unroll
    for (int p = 0; p < passes; ++p) {
      const T* from = extent(p) < Extent ? address(extent(p)) : nullptr;
      staged_[p] = from ? load_pack<Width>(from) : Pack<T, Width>{};
    }
  }
  /// `slice` is [depth][extent], or [extent][depth] where the tile wants it so.
  template <class Operand>
  __device__ void store(Operand& slice) {
#pragma unroll
    for (int p = 0; p < passes; ++p) {
      if (extent(p) >= Extent) continue;
      round_all<Tile>(staged_[p]);
      if constexpr (Tile::depth_inner) {
        store_pack<Width>(&slice[extent(p)][depth()], staged_[p]);
      } else {
#pragma unroll
        for (int i = 0; i < Width; ++i) slice[depth() + i][extent(p)] = staged_[p].v[i];
      }
    }
  }
};

/// A thread's share of an operand's slice whose elements are neighbours along the extent.
template <class Tile, int Extent, int Width>
class AlongExtent {
  using T = typename Tile::Element;
  static constexpr int across = Extent / Width, step = Tile::threads / across,
                       passes = (Tile::depth + step - 1) / step;
  static_assert(step > 0, "each thread keeps one place in the extent");
  Pack<T, Width> staged_[passes];

  static __device__ int depth(int pass) {
    return static_cast<int>(threadIdx.x) / across + pass * step;
  }

 public:
  /// Where in the tile's extent this thread's elements begin.
  static __device__ int extent() { return static_cast<int>(threadIdx.x) % across * Width; }

  /// address(depth) points to the elements of a row, null where they are zero.
  template <class Address>
  __device__ void fetch(const Address& address) {
#pragma unroll
    for (int p = 0; p < passes; ++p) {
      const T* from = depth(p) < Tile::depth ? address(depth(p)) : nullptr;
      staged_[p] = from ? load_pack<Width>(from) : Pack<T, Width>{};
    }
  }
  /// `slice` is [depth][extent].
  template <class Operand>
  __device__ void store(Operand& slice) {
    static_assert(!Tile::depth_inner);
#pragma unroll
    for (int p = 0; p < passes; ++p) {
      if (depth(p) >= Tile::depth) continue;
      round_all<Tile>(staged_[p]);
      store_pack<Width>(&slice[depth(p)][extent()], staged_[p]);
    }
  }
};

/// sums = the product over `slices` slices. The source has
/// - open(slice): goes to a slice; what it writes to shared memory, its fetch() may read;
/// - fetch(): loads the thread's share into registers;
/// - store(buffer): writes them to shared memory.
/// Ends without a barrier.
template <class Tile, class Source>
__device__ void multiply_tiles(Source& source, std::int64_t slices, typename Tile::Slice* buffers,
                               typename Tile::Sums& sums) {
#pragma unroll
  for (int i = 0; i < Tile::rows; ++i)
#pragma unroll
    for (int j = 0; j < Tile::columns; ++j) sums[i][j] = 0;
  if (slices > 0) source.open(0);
  __syncthreads();
  if (slices > 0) source.fetch();
  for (std::int64_t slice = 0; slice < slices; ++slice) {
    typename Tile::Slice& buffer = buffers[slice % 2];
    source.store(buffer);
    if (slice + 1 < slices) source.open(slice + 1);
    __syncthreads();
    if (slice + 1 < slices) source.fetch();
    Tile::multiply(buffer, sums);
  }
}

}  // namespace sonde::cuda
