/// @file
/// Reductions within a thread, and reductions and running sums among the threads of a team (part of
/// a warp, a warp, a block), in an order that its size fixes.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <cstring>
#include <type_traits>

namespace sonde::cuda {

inline constexpr unsigned all_lanes = 0xFFFFFFFF;
inline constexpr int warp_lanes = 32;
inline constexpr int max_warps = 32;  ///< of a block

/// A tree over the first n elements of an array, which is overwritten. Recursive, so that the
/// compiler keeps the array in registers.
template <int n, class T, class Combine>
__device__ T fold(T* v, Combine combine) {
  if constexpr (n > 1) {
#pragma unroll
    for (int i = 0; i < n / 2; ++i) v[i] = combine(v[i], v[i + n / 2]);
    return fold<n / 2>(v, combine);
  }
  return v[0];
}

/// Any value through a shuffle of 32-bit words.
template <class T, class Shuffle>
__device__ T shuffled(const T& value, Shuffle shuffle) {
  static_assert(std::is_trivially_copyable_v<T>);
  unsigned words[(sizeof(T) + 3) / 4] = {};
  std::memcpy(words, &value, sizeof(T));
#pragma unroll
  for (unsigned& word : words) word = shuffle(word);
  T result;
  std::memcpy(&result, words, sizeof(T));
  return result;
}

/// The values of `width` (a power of two up to 32) neighbouring lanes, combined. In the first of
/// them; in all if combine(a, b) and combine(b, a) have the same bits. Whole warps take part.
template <class T, class Combine>
__device__ T reduce_lanes(T value, int width, Combine combine) {
#pragma unroll
  for (int bits = warp_lanes / 2; bits > 0; bits /= 2)
    if (bits < width)
      value = combine(value, shuffled(value, [bits](unsigned word) {
                        return __shfl_xor_sync(all_lanes, word, bits);
                      }));
  return value;
}

/// The values of all threads of the block, combined; in all threads. Whole warps, no thread
/// missing.
template <class T, class Combine>
__device__ T reduce_block(T value, Combine combine) {
  __shared__ T of_warp[max_warps];
  value = reduce_lanes(value, warp_lanes, combine);
  __syncthreads();  // an earlier call's values have been read
  if (threadIdx.x % warp_lanes == 0) of_warp[threadIdx.x / warp_lanes] = value;
  __syncthreads();
  value = of_warp[0];
  for (unsigned w = 1; w < blockDim.x / warp_lanes; ++w) value = combine(value, of_warp[w]);
  return value;
}

/// Running sums over the lanes of a warp, in their order, with the lane's own value.
template <class T>
__device__ T scan_lanes(T value) {
  const unsigned lane = threadIdx.x % warp_lanes;
#pragma unroll
  for (unsigned step = 1; step < warp_lanes; step *= 2) {
    const T before =
        shuffled(value, [step](unsigned word) { return __shfl_up_sync(all_lanes, word, step); });
    if (lane >= step) value += before;
  }
  return value;
}

/// Lanes of a warp that share `items` items.
inline int lanes_for(std::int64_t items) {
  return items <= 4 ? 1 : items <= warp_lanes ? 8 : warp_lanes;
}

/// Calls f(item, is it this team's) for items 0 .. count-1, each by one of the teams of `team`
/// threads. A team that has none takes part in the last one's.
template <class F>
__device__ void for_each_team(std::int64_t count, int team, F f) {
  const std::int64_t teams = blockDim.x / static_cast<unsigned>(team);
  for (std::int64_t first = blockIdx.x * teams; first < count; first += gridDim.x * teams) {
    const std::int64_t item = first + threadIdx.x / static_cast<unsigned>(team);
    f(item < count ? item : count - 1, item < count);
  }
}

/// `width` neighbouring lanes that work on one thing, such as a row.
template <int width>
struct LaneTeam {
  static constexpr int size = width;
  static __device__ int rank() { return static_cast<int>(threadIdx.x) % width; }
  /// In all threads; `combine` must not care for the order of two.
  template <class T, class Combine>
  static __device__ T reduce(T value, Combine combine) {
    return reduce_lanes(value, width, combine);
  }
  /// The sum of the values of lower ranks; `all` becomes that of all.
  template <class T>
  static __device__ T sum_before(T value, T& all) {
    static_assert(width == warp_lanes);
    const T sum = scan_lanes(value);
    all = shuffled(sum, [](unsigned word) { return __shfl_sync(all_lanes, word, width - 1); });
    const T before =
        shuffled(sum, [](unsigned word) { return __shfl_up_sync(all_lanes, word, 1); });
    return rank() == 0 ? T(0) : before;  // no difference: it would make NaN of infinities
  }
};

/// A whole block of `threads`.
template <int threads>
struct BlockTeam {
  static constexpr int size = threads;
  static __device__ int rank() { return static_cast<int>(threadIdx.x); }
  template <class T, class Combine>
  static __device__ T reduce(T value, Combine combine) {
    return reduce_block(value, combine);
  }
  template <class T>
  static __device__ T sum_before(T value, T& all) {
    __shared__ T of_warp[max_warps];
    const unsigned warp = threadIdx.x / warp_lanes;
    T of_this_warp, earlier = 0;
    const T within = LaneTeam<warp_lanes>::sum_before(value, of_this_warp);
    __syncthreads();  // an earlier call's values have been read
    if (threadIdx.x % warp_lanes == 0) of_warp[warp] = of_this_warp;
    __syncthreads();
    all = 0;
    for (unsigned w = 0; w < threads / warp_lanes; ++w) {
      if (w == warp) earlier = all;
      all += of_warp[w];
    }
    return earlier + within;
  }
};

struct Plus {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a + b;
  }
};
/// NaN loses.
struct Larger {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return fmax(a, b);
  }
};

}  // namespace sonde::cuda
