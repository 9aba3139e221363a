// Blocks of memory and pools.
#include <memory>

#include "fault.hpp"
#include "memory.hpp"
#include "state.hpp"
#include "stream.hpp"

namespace simulator {
namespace {

cudaError_t allocate_on(void** address, std::size_t bytes, std::shared_ptr<Pool> pool,
                        cudaStream_t stream) {
  const auto found = find_stream(stream);
  if (!found) return cudaErrorInvalidResourceHandle;
  if (address == nullptr || bytes == 0 || !pool) return cudaErrorInvalidValue;
  if (const cudaError_t failure = take_failure(); failure != cudaSuccess) return failure;
  const int device = pool->device;
  const cudaError_t error = allocate(address, bytes, device, pool);
  if (error == cudaSuccess) return error;
  drain(*found);  // what the stream frees before can be had again
  return allocate(address, bytes, device, std::move(pool));
}

void free_now(const void* address) {
  ++state.counters.frees;
  release(address);
}

std::size_t* size_attribute(Pool& pool, cudaMemPoolAttr attribute) {
  switch (attribute) {
    case cudaMemPoolAttrReleaseThreshold:
      return &pool.threshold;
    case cudaMemPoolAttrReservedMemCurrent:
      return &pool.reserved;
    case cudaMemPoolAttrReservedMemHigh:
      return &pool.reserved_high;
    case cudaMemPoolAttrUsedMemCurrent:
      return &pool.used;
    case cudaMemPoolAttrUsedMemHigh:
      return &pool.used_high;
    default:
      return nullptr;
  }
}

/// Which freed blocks a pool hands out again: nothing to choose here, where it hands out none.
bool is_reuse(cudaMemPoolAttr attribute) {
  return attribute >= cudaMemPoolReuseFollowEventDependencies &&
         attribute <= cudaMemPoolReuseAllowInternalDependencies;
}

cudaError_t set_attribute(Pool& pool, cudaMemPoolAttr attribute, std::size_t value) {
  if (attribute == cudaMemPoolAttrReleaseThreshold) {
    pool.threshold = value;
  } else if (attribute == cudaMemPoolAttrReservedMemHigh && value == 0) {
    pool.reserved_high = pool.reserved;
  } else if (attribute == cudaMemPoolAttrUsedMemHigh && value == 0) {
    pool.used_high = pool.used;
  } else {
    return cudaErrorInvalidValue;
  }
  return cudaSuccess;
}

}  // namespace
}  // namespace simulator

using namespace simulator;  // NOLINT(google-build-using-namespace): what follows is CUDA's and
                            // global

cudaError_t cudaMalloc(void** address, std::size_t bytes) {
  return call([&] {
    if (address == nullptr) return cudaErrorInvalidValue;
    *address = nullptr;
    if (bytes == 0) return cudaSuccess;
    if (const cudaError_t failure = take_failure(); failure != cudaSuccess) return failure;
    return allocate(address, bytes, current_device, nullptr);
  });
}

// Waits for the device, but not if the memory comes from a pool: then the caller must have waited.
cudaError_t cudaFree(void* address) {
  return call([&] {
    if (address == nullptr) return cudaSuccess;
    if (!is_block(address, false)) return cudaErrorInvalidValue;
    if (!is_pooled(address)) drain_device(region_of(address, 0).device);
    free_now(address);
    return cudaSuccess;
  });
}

cudaError_t cudaMallocHost(void** address, std::size_t bytes) {
  return call([&] {
    if (address == nullptr || bytes == 0) return cudaErrorInvalidValue;
    if (const cudaError_t failure = take_failure(); failure != cudaSuccess) return failure;
    return allocate_pinned(address, bytes);
  });
}

cudaError_t cudaFreeHost(void* address) {
  return call([&] {
    if (address == nullptr) return cudaSuccess;
    if (!is_block(address, true)) return cudaErrorInvalidValue;
    if (is_awaited(address, size_of(address))) {
      fault("cudaFreeHost of memory that a copy not yet waited for will use");
    }
    release(address);
    return cudaSuccess;
  });
}

cudaError_t cudaMallocAsync(void** address, std::size_t bytes, cudaStream_t stream) {
  return call([&] {
    const auto found = find_stream(stream);
    if (!found) return cudaErrorInvalidResourceHandle;
    return allocate_on(address, bytes, default_pool(found->device), stream);
  });
}

cudaError_t cudaMallocFromPoolAsync(void** address, std::size_t bytes, cudaMemPool_t pool,
                                    cudaStream_t stream) {
  return call([&] { return allocate_on(address, bytes, find_pool(pool), stream); });
}

cudaError_t cudaFreeAsync(void* address, cudaStream_t stream) {
  return call([&] {
    const auto found = find_stream(stream);
    if (!found) return cudaErrorInvalidResourceHandle;
    if (!is_block(address, false)) return cudaErrorInvalidValue;
    announce_free(address);
    found->pending.push_back({.run = [=] { free_now(address); }});
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int device) {
  return call([&] {
    if (device < 0 || device >= state.device_count) return cudaErrorInvalidDevice;
    if (pool == nullptr) return cudaErrorInvalidValue;
    *pool = default_pool(device).get();
    return cudaSuccess;
  });
}

cudaError_t cudaMemPoolCreate(cudaMemPool_t* pool, const cudaMemPoolProps* properties) {
  return call([&] {
    if (pool == nullptr || properties == nullptr) return cudaErrorInvalidValue;
    const auto& [type, device] = properties->location;
    if (type != cudaMemLocationTypeDevice || device < 0 || device >= state.device_count ||
        properties->allocType != cudaMemAllocationTypePinned ||
        properties->handleTypes != cudaMemHandleTypeNone) {
      return cudaErrorInvalidValue;
    }
    *pool = create_pool(device, properties->maxSize).get();
    return cudaSuccess;
  });
}

cudaError_t cudaMemPoolDestroy(cudaMemPool_t pool) {
  return call([&] {
    const auto found = find_pool(pool);
    if (!found || found == default_pool(found->device)) return cudaErrorInvalidValue;
    destroy_pool(pool);
    return cudaSuccess;
  });
}

cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value) {
  return call([&] {
    const auto found = find_pool(pool);
    if (!found || value == nullptr) return cudaErrorInvalidValue;
    if (is_reuse(attribute)) return cudaSuccess;
    return set_attribute(*found, attribute, *static_cast<const std::size_t*>(value));
  });
}

cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value) {
  return call([&] {
    const auto found = find_pool(pool);
    if (!found || value == nullptr) return cudaErrorInvalidValue;
    const std::size_t* held = size_attribute(*found, attribute);
    if (held == nullptr) return cudaErrorInvalidValue;
    *static_cast<std::size_t*>(value) = *held;
    return cudaSuccess;
  });
}

cudaError_t cudaMemPoolTrimTo(cudaMemPool_t pool, std::size_t bytes_to_keep) {
  return call([&] {
    const auto found = find_pool(pool);
    if (!found) return cudaErrorInvalidValue;
    found->trim(bytes_to_keep);
    return cudaSuccess;
  });
}
