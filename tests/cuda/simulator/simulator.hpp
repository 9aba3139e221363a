// The simulated device as tests see it: what it has, in which order it runs things, what it
// counted.
#pragma once

#include <cstdint>

#include "cuda_runtime.h"

namespace simulator {

/// The order of a block's threads between two barriers, of the blocks of a grid, and of streams
/// that do not wait for each other. `forward` runs of other streams no more than what is waited
/// for, `backward` as much as it can.
enum class Order : std::uint8_t { forward, backward, random };
void set_schedule(std::uint64_t seed);  ///< random, drawn from `seed`; the schedule at the start is
                                        ///< that of seed 1
void set_schedule(Order order);

/// Devices that are there, at most 8; with 0 every call returns cudaErrorNoDevice. 2 at the start.
void set_device_count(int count);
/// Memory of each device. 4 GiB at the start.
void set_memory(std::size_t bytes);
/// Shared memory that a block can ask for. 227 KiB at the start, as an H100; 64 on the oldest
/// cards.
void set_shared_memory(std::size_t bytes);
/// What every call returns, as for a driver that is too old; cudaSuccess ends it.
void set_driver_error(cudaError_t error);
/// The next launch, copy, memset or allocation returns `error` and does nothing; those before it,
/// `skip`, do not fail.
void fail_next(cudaError_t error, int skip = 0);

/// What was asked for since the program started.
struct Counters {
  std::int64_t launches = 0;
  std::int64_t synchronisations = 0;  ///< of streams, events and devices
  std::int64_t copies = 0;
  std::int64_t pageable_copies =
      0;                  ///< of those, the ones with pageable host memory: they make the host wait
  std::int64_t sets = 0;  ///< memsets
  std::int64_t allocations = 0;  ///< of device memory
  std::int64_t frees = 0;
  std::int64_t live_blocks =
      0;  ///< blocks of device memory not freed; a free counts once its stream came to it
};
Counters counters();

/// Looks after each kernel at the guards of all blocks, so that the message names the kernel. Off
/// at the start.
void check_after_each_kernel(bool on);

}  // namespace simulator
