// What a thread of a kernel sees: its indices, the barriers of its block and its warp, shuffles,
// votes.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

#include "vector_types.hpp"

namespace simulator {

/// The thread that runs. Kernels run under one lock, so there is one.
struct Place {
  uint3 thread;
  uint3 block;
  dim3 block_size;
  dim3 grid_size;
  unsigned lane;
};
extern Place place;

enum class BlockBarrier : std::uint8_t { plain, count, all, any };
enum class WarpOp : std::uint8_t { sync, shuffle, shuffle_up, shuffle_down, shuffle_xor, ballot };

/// Waits until every thread of the block that still runs is here; how many of them had a
/// `predicate`.
struct BlockVote {
  int voters;
  int in_favour;
};
BlockVote wait_for_block(BlockBarrier kind, bool predicate);

/// Waits until all lanes of `mask` that still run are here; the value of lane `source`, all bits
/// set where that lane did not take part. For a ballot: the lanes with a value other than 0 in the
/// low half, those that voted in the high.
std::uint64_t wait_for_warp(WarpOp op, unsigned mask, std::uint64_t value, unsigned source);

/// The dynamic shared memory of the block, aligned to 128 bytes; 0xFF throughout when the block
/// starts.
void* dynamic_shared();

template <class T>
T shuffle(WarpOp op, unsigned mask, T value, unsigned source) {
  static_assert(std::is_arithmetic_v<T> && (sizeof(T) == 4 || sizeof(T) == 8),
                "shuffles move values of 4 or 8 bytes");
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  return std::bit_cast<T>(
      static_cast<Bits>(wait_for_warp(op, mask, std::bit_cast<Bits>(value), source)));
}

/// First lane of the part of `width` lanes in which this lane is.
inline unsigned first_lane(int width) {
  return place.lane & ~(static_cast<unsigned>(width) - 1);
}
inline unsigned last_lane(int width) {
  return place.lane | (static_cast<unsigned>(width) - 1);
}

}  // namespace simulator

inline constexpr const uint3& threadIdx = simulator::place.thread;
inline constexpr const uint3& blockIdx = simulator::place.block;
inline constexpr const dim3& blockDim = simulator::place.block_size;
inline constexpr const dim3& gridDim = simulator::place.grid_size;
inline constexpr int warpSize = 32;

inline void __syncthreads() {
  simulator::wait_for_block(simulator::BlockBarrier::plain, false);
}
inline int __syncthreads_count(int predicate) {
  return simulator::wait_for_block(simulator::BlockBarrier::count, predicate != 0).in_favour;
}
inline int __syncthreads_and(int predicate) {
  const auto vote = simulator::wait_for_block(simulator::BlockBarrier::all, predicate != 0);
  return vote.in_favour == vote.voters;
}
inline int __syncthreads_or(int predicate) {
  return simulator::wait_for_block(simulator::BlockBarrier::any, predicate != 0).in_favour > 0;
}

inline void __syncwarp(unsigned mask = 0xFFFFFFFF) {
  simulator::wait_for_warp(simulator::WarpOp::sync, mask, 0, simulator::place.lane);
}
inline unsigned __ballot_sync(unsigned mask, int predicate) {
  const unsigned lane = simulator::place.lane;
  return static_cast<unsigned>(
      simulator::wait_for_warp(simulator::WarpOp::ballot, mask, predicate != 0, lane));
}
inline int __any_sync(unsigned mask, int predicate) {
  return __ballot_sync(mask, predicate) != 0;
}
inline int __all_sync(unsigned mask, int predicate) {
  return __ballot_sync(mask, !predicate) == 0;
}

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32) {
  const auto offset = static_cast<unsigned>(source) & (static_cast<unsigned>(width) - 1);
  return simulator::shuffle(simulator::WarpOp::shuffle, mask, value,
                            simulator::first_lane(width) | offset);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  const unsigned lane = simulator::place.lane;
  const bool inside = lane >= delta && lane - delta >= simulator::first_lane(width);
  return simulator::shuffle(simulator::WarpOp::shuffle_up, mask, value,
                            inside ? lane - delta : lane);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  const unsigned lane = simulator::place.lane;
  const bool inside = delta < 32 && lane + delta <= simulator::last_lane(width);
  return simulator::shuffle(simulator::WarpOp::shuffle_down, mask, value,
                            inside ? lane + delta : lane);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32) {
  const unsigned lane = simulator::place.lane;
  const unsigned source = lane ^ static_cast<unsigned>(bits);
  const bool inside = source <= simulator::last_lane(width);
  return simulator::shuffle(simulator::WarpOp::shuffle_xor, mask, value, inside ? source : lane);
}

// One thread runs at a time and sees what the others wrote.
inline void __threadfence() {}
inline void __threadfence_block() {}
inline void __threadfence_system() {}
