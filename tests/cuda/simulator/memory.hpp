// The memory of the devices and pinned memory of the host: every block apart, with guards. The lock
// is held by who calls.
#pragma once

#include <cstddef>
#include <memory>

#include "guarded.hpp"
#include "simulator.hpp"

/// A pool: it takes memory from its device when it has none left and gives it back when the host
/// waits, down to its threshold. Which addresses it hands out is not its affair here.
struct CUmemPoolHandle_st {
  explicit CUmemPoolHandle_st(int device, std::size_t most = 0) : device(device), most(most) {}
  int device;
  std::size_t most;  ///< bytes it may hold; 0: as many as the device has
  std::size_t threshold = 0;
  std::size_t used = 0, used_high = 0;
  std::size_t reserved = 0, reserved_high = 0;

  /// Gives back to the device what it holds unused beyond `keep` bytes.
  void trim(std::size_t keep);
};

namespace simulator {

using Pool = CUmemPoolHandle_st;
constexpr int on_host = -1;

/// Takes memory for one block from the pool, or from the device itself if that is null.
/// cudaErrorMemoryAllocation if there is not so much.
cudaError_t allocate(void** address, std::size_t bytes, int device, std::shared_ptr<Pool> pool);
cudaError_t allocate_pinned(void** address, std::size_t bytes);

/// Where an address lies.
struct Region {
  bool found = false;   ///< in memory of a device or pinned; else pageable
  bool inside = false;  ///< all `bytes` of it, and not freed
  int device = on_host;
  const std::byte* begin = nullptr;  ///< of its block
  std::size_t bytes = 0;             ///< of its block
};
Region region_of(const void* address, std::size_t bytes);

/// The start of a block of device (or pinned) memory that was not freed.
bool is_block(const void* address, bool pinned);
bool is_pooled(const void* address);
/// Bytes of the block.
std::size_t size_of(const void* address);
/// cudaFreeAsync was called: nothing that the host asks for from now on may use it.
void announce_free(const void* address);
/// Frees it now. The block is poisoned and kept for a while, to find who still writes to it.
void release(const void* address);

std::size_t free_memory(int device);
/// Ends the program if the guards of a block were written to, or a freed block.
void check_blocks();

const std::shared_ptr<Pool>& default_pool(int device);
std::shared_ptr<Pool> create_pool(int device, std::size_t most);
/// The pool of a handle, null if it is none.
std::shared_ptr<Pool> find_pool(cudaMemPool_t handle);
void destroy_pool(cudaMemPool_t handle);
/// The host waited: pools of the device give back what they hold beyond their thresholds.
void trim_pools(int device);

}  // namespace simulator
