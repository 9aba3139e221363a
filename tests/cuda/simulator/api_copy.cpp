// Copies and memsets.
#include <cstring>
#include <memory>
#include <vector>

#include "fault.hpp"
#include "memory.hpp"
#include "state.hpp"
#include "stream.hpp"

namespace simulator {
namespace {

/// One end of a copy.
struct End {
  End(const void* address, std::size_t bytes)
      : address(address), region(region_of(address, bytes)) {}
  bool on_device() const { return region.found && region.device != on_host; }
  bool pinned() const { return region.found && region.device == on_host; }
  /// Null, or a part of a block and something beyond it, or freed.
  bool invalid() const { return address == nullptr || (region.found && !region.inside); }
  /// Ends the program if the block was freed since the copy was asked for.
  void check(std::size_t bytes) const {
    if (region.found && !region_of(address, bytes).found) {
      fault("a copy or memset of " + std::to_string(bytes) +
            " bytes came to its turn after another stream freed the memory");
    }
  }
  const void* address;
  Region region;
};

bool fits(cudaMemcpyKind kind, const End& to, const End& from) {
  if (kind == cudaMemcpyDefault) return true;
  const bool device_to_any = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  const bool any_to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  return from.on_device() == device_to_any && to.on_device() == any_to_device;
}

/// Who reads the target of a copy before waiting for it shall not find what he hopes for.
void poison_target(void* to, std::size_t bytes) {
  if (!is_awaited(to, bytes)) std::memset(to, poison_fresh, bytes);
}

void queue_copy(Stream& stream, void* to, const void* from, std::size_t bytes) {
  const End target(to, bytes), source(from, bytes);
  if (target.pinned()) poison_target(to, bytes);
  const void* host = target.pinned() ? to : source.pinned() ? from : nullptr;
  const auto run = [=] {
    target.check(bytes);
    source.check(bytes);
    std::memcpy(to, from, bytes);
  };
  stream.pending.push_back({.run = run, .host = host, .host_bytes = bytes});
}

/// From pageable memory: the call reads it before it returns.
void queue_captured(Stream& stream, void* to, const void* from, std::size_t bytes) {
  const auto* begin = static_cast<const std::byte*>(from);
  const auto kept = std::make_shared<const std::vector<std::byte>>(begin, begin + bytes);
  const End target(to, bytes);
  stream.pending.push_back({.run = [=] {
    target.check(bytes);
    std::memcpy(to, kept->data(), bytes);
  }});
}

void check_apart(const void* to, const void* from, std::size_t bytes) {
  const auto* a = static_cast<const std::byte*>(to);
  const auto* b = static_cast<const std::byte*>(from);
  if (a < b + bytes && b < a + bytes) fault("a copy whose source and target overlap");
}

cudaError_t copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                 cudaStream_t handle) {
  const auto stream = find_stream(handle);
  if (!stream) return cudaErrorInvalidResourceHandle;
  if (bytes == 0) return cudaSuccess;
  const End target(to, bytes), source(from, bytes);
  if (target.invalid() || source.invalid() || !fits(kind, target, source)) {
    return cudaErrorInvalidValue;
  }
  if (const cudaError_t failure = take_failure(); failure != cudaSuccess) return failure;
  check_apart(to, from, bytes);
  ++state.counters.copies;
  if (!target.region.found || (!target.on_device() && !source.on_device())) {
    // To pageable memory, and from host to host: the call returns when all is done.
    ++state.counters.pageable_copies;
    drain(*stream);
    std::memcpy(to, from, bytes);
  } else if (!source.region.found) {
    ++state.counters.pageable_copies;
    queue_captured(*stream, to, from, bytes);
  } else {
    queue_copy(*stream, to, from, bytes);
  }
  return cudaSuccess;
}

bool is_on(const void* address, int device) {
  const Region region = region_of(address, 0);
  return region.found && region.device == device;
}

}  // namespace
}  // namespace simulator

using namespace simulator;  // NOLINT(google-build-using-namespace): what follows is CUDA's and
                            // global

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  return call([&] { return copy(to, from, bytes, kind, stream); });
}

cudaError_t cudaMemcpyPeerAsync(void* to, int to_device, const void* from, int from_device,
                                std::size_t bytes, cudaStream_t stream) {
  return call([&] {
    for (const int device : {to_device, from_device}) {
      if (device < 0 || device >= state.device_count) return cudaErrorInvalidDevice;
    }
    if (!is_on(to, to_device) || !is_on(from, from_device)) return cudaErrorInvalidValue;
    return copy(to, from, bytes, cudaMemcpyDeviceToDevice, stream);
  });
}

cudaError_t cudaMemsetAsync(void* address, int value, std::size_t bytes, cudaStream_t stream) {
  return call([&] {
    const auto found = find_stream(stream);
    if (!found) return cudaErrorInvalidResourceHandle;
    if (bytes == 0) return cudaSuccess;
    const End target(address, bytes);
    if (!target.on_device() || target.invalid()) return cudaErrorInvalidValue;
    if (const cudaError_t failure = take_failure(); failure != cudaSuccess) return failure;
    ++state.counters.sets;
    found->pending.push_back({.run = [=] {
      target.check(bytes);
      std::memset(address, value, bytes);
    }});
    return cudaSuccess;
  });
}
