/// @file
/// Sorting in the shared memory of one block (Batcher's bitonic network): for rows that fit there.
#pragma once

#include <algorithm>
#include <cstdint>

#include "tensor/cuda/launch.hpp"

namespace sonde::cuda {

/// A key and where it stood; different ones never compare equal, so any order of them is stable.
template <class Key>
struct SortEntry;

template <>
struct SortEntry<std::uint32_t> {
  std::uint64_t both;
  __device__ static SortEntry of(std::uint32_t key, std::uint32_t position) {
    return {std::uint64_t{key} << 32 | position};
  }
  __device__ std::uint32_t position() const { return static_cast<std::uint32_t>(both); }
  __device__ bool operator<(const SortEntry& o) const { return both < o.both; }
};

template <>
struct SortEntry<std::uint64_t> {
  std::uint64_t key;
  std::uint32_t at;
  __device__ static SortEntry of(std::uint64_t key, std::uint32_t position) {
    return {key, position};
  }
  __device__ std::uint32_t position() const { return at; }
  __device__ bool operator<(const SortEntry& o) const {
    return key != o.key ? key < o.key : at < o.at;
  }
};

/// How rows of `n` are given to blocks, several short ones to each.
struct BlockRows {
  static constexpr std::int64_t longest = 2048;

  BlockRows(std::int64_t n, std::int64_t entry_bytes) {
    while (1 << log2_size < n) ++log2_size;
    while ((rows << log2_size) < 512) rows *= 2;
    const int entries = rows << log2_size;
    threads = entries > 1024 ? 512 : entries / 2;
    shared_bytes = entries * entry_bytes;
  }
  Grid grid(std::int64_t all_rows) const {
    constexpr std::int64_t most = 1 << 16;
    return {std::min((all_rows + rows - 1) / rows, most), threads, shared_bytes};
  }

  int log2_size = 1;  ///< of a row, filled up to a power of two
  int rows = 1;       ///< of a block
  int threads;
  std::int64_t shared_bytes;
};

/// Sorts each row of `rows` << `log2_size` entries in shared memory. All threads of the block take
/// part; what they wrote before is seen, and what is sorted may be read by all.
template <class Entry>
__device__ void sort_entries(Entry* entry, int rows, int log2_size) {
  const int pairs = (rows << log2_size) / 2, size = 1 << log2_size;
  __syncthreads();
  for (int run = 2; run <= size; run *= 2)
    for (int distance = run / 2; distance > 0; distance /= 2) {
      for (int t = static_cast<int>(threadIdx.x); t < pairs; t += static_cast<int>(blockDim.x)) {
        const int low = 2 * t - (t & (distance - 1)), high = low + distance;
        const bool falls = (low & (size - 1) & run) != 0;
        const Entry a = entry[low], b = entry[high];
        if ((b < a) != falls) {
          entry[low] = b;
          entry[high] = a;
        }
      }
      // Up to a distance of 32, a warp's pairs lie among 64 entries that no other warp touches. The
      // distance after 1 is `run`.
      if (distance <= 32 && (distance > 1 || run <= 32))
        __syncwarp();
      else
        __syncthreads();
    }
  __syncthreads();
}

/// Sorts `all_rows` rows of `n` keys, key(row, i), and calls put(row, j, place of the j-th within
/// its row) for j < k. Launched with the plan's grid.
template <class Key, class KeyOf, class Put>
__device__ void sort_short_rows(const BlockRows& plan, std::int64_t all_rows, std::int64_t n,
                                std::int64_t k, KeyOf key, Put put) {
  using Entry = SortEntry<Key>;
  auto* entry = dynamic_shared<Entry>();
  const int entries = plan.rows << plan.log2_size, mask = (1 << plan.log2_size) - 1;
  const int threads = static_cast<int>(blockDim.x), thread = static_cast<int>(threadIdx.x);
  for (std::int64_t first = std::int64_t{blockIdx.x} * plan.rows; first < all_rows;
       first += std::int64_t{gridDim.x} * plan.rows) {
    for (int t = thread; t < entries; t += threads) {
      const std::int64_t row = first + (t >> plan.log2_size);
      const auto i = static_cast<std::uint32_t>(t & mask);
      // What fills a row up has the largest key and stands behind all others.
      entry[t] = row < all_rows && i < n ? Entry::of(key(row, i), i) : Entry::of(~Key{0}, i);
    }
    sort_entries(entry, plan.rows, plan.log2_size);
    for (int t = thread; t < entries; t += threads) {
      const std::int64_t row = first + (t >> plan.log2_size), j = t & mask;
      if (row < all_rows && j < k) put(row, j, entry[t].position());
    }
    __syncthreads();  // the entries are about to be overwritten
  }
}

}  // namespace sonde::cuda
