#include "memory.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <vector>

#include "fault.hpp"
#include "state.hpp"

namespace simulator {
namespace {

constexpr std::size_t quarantine_bytes = std::size_t{64} << 20;

struct Block {
  Guarded memory;
  int device;
  std::shared_ptr<Pool> pool;  // null for cudaMalloc and pinned memory
  bool free_announced = false;
};

struct Memory {
  std::map<const std::byte*, Block> blocks;  // by address
  std::deque<Guarded> quarantine;
  std::size_t quarantined = 0;
  std::size_t plain[most_devices] = {};  // bytes taken from the device itself
  std::map<const Pool*, std::shared_ptr<Pool>> pools;
  std::shared_ptr<Pool> default_pools[most_devices];
  std::vector<std::weak_ptr<Pool>> every_pool;
};

/// Never destroyed: blocks may be freed while the program ends.
Memory& memory() {
  static auto& memory = *new Memory;
  return memory;
}

/// What a block takes of a device's memory.
std::size_t rounded(std::size_t bytes) {
  return (bytes + 511) / 512 * 512;
}

std::size_t held(int device) {
  std::size_t bytes = memory().plain[device];
  for (const auto& weak : memory().every_pool) {
    const auto pool = weak.lock();
    if (pool && pool->device == device) bytes += pool->reserved;
  }
  return bytes;
}

auto find(const void* address) {
  auto& blocks = memory().blocks;
  const auto* at = static_cast<const std::byte*>(address);
  auto next = blocks.upper_bound(at);
  if (next == blocks.begin()) return blocks.end();
  const auto block = std::prev(next);
  // The address past the end belongs to the block: a copy of more than it has is that block's
  // fault.
  const bool inside = at <= block->first + block->second.memory.size();
  return inside ? block : blocks.end();
}

bool take(Pool& pool, std::size_t bytes) {
  const std::size_t used = pool.used + bytes;
  const std::size_t more = used > pool.reserved ? used - pool.reserved : 0;
  if (more > free_memory(pool.device)) return false;
  if (pool.most != 0 && pool.reserved + more > pool.most) return false;
  pool.used = used;
  pool.used_high = std::max(pool.used_high, used);
  pool.reserved += more;
  pool.reserved_high = std::max(pool.reserved_high, pool.reserved);
  return true;
}

bool take_plain(int device, std::size_t bytes) {
  if (bytes > free_memory(device)) return false;
  memory().plain[device] += bytes;
  return true;
}

cudaError_t add(void** address, Guarded block, int device, std::shared_ptr<Pool> pool) {
  if (block.data() == nullptr) fault("the host has no memory for " + block.what());
  std::byte* data = block.data();
  *address = data;
  memory().blocks.emplace(data, Block{std::move(block), device, std::move(pool)});
  return cudaSuccess;
}

}  // namespace

cudaError_t allocate(void** address, std::size_t bytes, int device, std::shared_ptr<Pool> pool) {
  const std::size_t size = rounded(bytes);
  if (size < bytes) return cudaErrorMemoryAllocation;
  if (!(pool ? take(*pool, size) : take_plain(device, size))) return cudaErrorMemoryAllocation;
  ++state.counters.allocations;
  ++state.counters.live_blocks;
  return add(address, Guarded("device memory", bytes), device, std::move(pool));
}

cudaError_t allocate_pinned(void** address, std::size_t bytes) {
  return add(address, Guarded("pinned memory", bytes), on_host, nullptr);
}

Region region_of(const void* address, std::size_t bytes) {
  const auto block = find(address);
  if (block == memory().blocks.end()) return {};
  const auto offset =
      static_cast<std::size_t>(static_cast<const std::byte*>(address) - block->first);
  const bool inside = bytes <= block->second.memory.size() - offset;
  return {true, inside && !block->second.free_announced, block->second.device, block->first,
          block->second.memory.size()};
}

bool is_block(const void* address, bool pinned) {
  const auto block = memory().blocks.find(static_cast<const std::byte*>(address));
  return block != memory().blocks.end() && !block->second.free_announced &&
         (block->second.device == on_host) == pinned;
}

bool is_pooled(const void* address) {
  return memory().blocks.at(static_cast<const std::byte*>(address)).pool != nullptr;
}

std::size_t size_of(const void* address) {
  return memory().blocks.at(static_cast<const std::byte*>(address)).memory.size();
}

void announce_free(const void* address) {
  memory().blocks.at(static_cast<const std::byte*>(address)).free_announced = true;
}

void release(const void* address) {
  auto& blocks = memory().blocks;
  const auto place = blocks.find(static_cast<const std::byte*>(address));
  Block block = std::move(place->second);
  blocks.erase(place);
  const std::size_t bytes = rounded(block.memory.size());
  if (block.pool) {
    block.pool->used -= bytes;
  } else if (block.device != on_host) {
    memory().plain[block.device] -= bytes;
  }
  if (block.device != on_host) --state.counters.live_blocks;
  block.memory.retire();
  memory().quarantined += block.memory.size();
  memory().quarantine.push_back(std::move(block.memory));
  while (memory().quarantined > quarantine_bytes) {
    const Guarded& oldest = memory().quarantine.front();
    oldest.check_retired();
    memory().quarantined -= oldest.size();
    memory().quarantine.pop_front();
  }
}

std::size_t free_memory(int device) {
  const std::size_t taken = held(device);
  return taken < state.memory ? state.memory - taken : 0;
}

void check_blocks() {
  for (const auto& [address, block] : memory().blocks) block.memory.check();
  for (const Guarded& freed : memory().quarantine) freed.check_retired();
}

const std::shared_ptr<Pool>& default_pool(int device) {
  auto& pool = memory().default_pools[device];
  if (!pool) pool = create_pool(device, 0);
  return pool;
}

std::shared_ptr<Pool> create_pool(int device, std::size_t most) {
  auto pool = std::make_shared<Pool>(device, most);
  memory().pools[pool.get()] = pool;
  std::erase_if(memory().every_pool, [](const auto& weak) { return weak.expired(); });
  memory().every_pool.push_back(pool);
  return pool;
}

std::shared_ptr<Pool> find_pool(cudaMemPool_t handle) {
  const auto place = memory().pools.find(handle);
  return place == memory().pools.end() ? nullptr : place->second;
}

void destroy_pool(cudaMemPool_t handle) {
  handle->threshold = 0;
  handle->trim(0);
  memory().pools.erase(handle);  // its blocks hold it as long as they are there
}

void trim_pools(int device) {
  for (const auto& weak : memory().every_pool) {
    if (const auto pool = weak.lock(); pool && pool->device == device) pool->trim(pool->threshold);
  }
}

}  // namespace simulator

void CUmemPoolHandle_st::trim(std::size_t keep) {
  reserved = std::min(reserved, std::max(used, keep));
}
