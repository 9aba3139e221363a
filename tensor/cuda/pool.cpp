#include "tensor/cuda/pool.hpp"

#include "tensor/backend.hpp"

namespace sonde::cuda {

Pool::Pool(int device) : device_(device) {
  check(cudaDeviceGetDefaultMemPool(&pool_, device), "device");
  std::uint64_t keep_all = UINT64_MAX;  // nothing goes back to the driver by itself
  check(cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrReleaseThreshold, &keep_all), "device");
}

std::int64_t Pool::attribute(cudaMemPoolAttr which) {
  std::uint64_t value = 0;
  check(cudaMemPoolGetAttribute(pool_, which, &value), "memory");
  return static_cast<std::int64_t>(value);
}

void Pool::count(std::int64_t bytes) {
  const std::int64_t now = current_.fetch_add(bytes) + bytes;
  std::int64_t peak = peak_.load();
  while (now > peak && !peak_.compare_exchange_weak(peak, now)) {
  }
}

void Pool::fail_full(std::int64_t bytes, std::string_view why) {
  std::size_t free = 0, total = 0;
  check(cudaMemGetInfo(&free, &total), "memory");
  const MemoryStats s = stats();
  fail_hint(ErrorCode::memory, "allocate", "use smaller batches or chunks, or checkpoint",
            "cuda:{}: {}: {} bytes asked, {} held by tensors, {} cached, {} of {} free, limit {}",
            device_, why, bytes, s.current, s.cached, free, total, s.limit);
}

void* Pool::allocate(Stream& stream, std::int64_t bytes) {
  const std::int64_t limit = limit_.load();
  if (limit > 0 && bytes > limit - current_.load()) fail_full(bytes, "beyond the limit");
  void* p = nullptr;
  const auto ask = [&] {
    return cudaMallocAsync(&p, static_cast<std::size_t>(bytes), stream.handle);
  };
  cudaError_t status = ask();
  if (status == cudaErrorMemoryAllocation) {  // what other streams freed may still be on its way
    cudaGetLastError();
    detail::observe_sync("allocate: out of memory, so the cache is given back");
    check(cudaDeviceSynchronize(), "allocate");
    trim();
    status = ask();
  }
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    fail_full(bytes, "out of memory");
  }
  check(status, "allocate");
  count(bytes);
  return p;
}

// Errors are not told: the only ones are those of earlier work, which the next call tells, and that
// of a driver that is unloaded already at the end of the program.
void Pool::free(Stream& stream, void* p, std::int64_t bytes) noexcept {
  cudaFreeAsync(p, stream.handle);
  current_.fetch_sub(bytes);
}

MemoryStats Pool::stats() {
  const std::int64_t held = attribute(cudaMemPoolAttrUsedMemCurrent);
  return {.current = current_.load(),
          .peak = peak_.load(),
          .cached = attribute(cudaMemPoolAttrReservedMemCurrent) - held,
          .limit = limit_.load()};
}

void Pool::trim() {
  check(cudaMemPoolTrimTo(pool_, 0), "memory");
}

}  // namespace sonde::cuda
