/// @file
/// Devices beside the CPU. A backend is a library of its own, which is looked for when the first
/// device of its type is asked for: a program that computes on the CPU never loads it.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "tensor/allocator.hpp"
#include "tensor/dtype.hpp"

namespace sonde {

class Storage;

/// Number of devices that can be computed on; 0 where the backend, its driver or the hardware is
/// missing. Never throws.
int device_count(DeviceType type);

/// What a device is, for reports.
struct DeviceInfo {
  std::string name;
  std::string capability;  ///< generation of the hardware, "9.0"
  std::string driver, runtime;
  std::int64_t memory_bytes = 0, memory_free_bytes = 0;
  int multiprocessors = 0;
};
DeviceInfo device_info(Device device);

/// "cpu", "cuda" (its first device) or "cuda:1"; Error(value) for anything else. Whether the device
/// exists is not asked.
Device to_device(std::string_view name);

/// Waits until all that this thread has asked of `device` is done, and throws what failed there
/// meanwhile. Nothing to do for the CPU.
void synchronize(Device device);

/// As memory_stats(), of one device.
MemoryStats memory_stats(Device device);
void reset_peak_bytes(Device device);
void set_memory_limit(std::int64_t bytes, Device device);
void empty_cache(Device device);

/// Called with the reason whenever the host waits for a device: values that are read, a copy to the
/// host, a method that decides on the host. May throw, which turns waiting into an error. Empty:
/// nobody is told.
using SyncObserver = std::function<void(std::string_view reason)>;
void set_sync_observer(SyncObserver observer);

/// What a type of device gives the core beside its kernels. Work is ordered by streams: each host
/// thread has one of its own on each device, and what a storage was used for on another thread's
/// stream is waited for there, not on the host.
class Backend {
 public:
  virtual ~Backend() = default;
  /// Devices that can be computed on, and why there is none.
  virtual int device_count() = 0;
  virtual std::string why_none() = 0;
  virtual DeviceInfo info(int index) = 0;

  /// Uninitialised bytes for `storage`; Error(memory) says what was asked, held and cached.
  virtual void* allocate(Storage& storage) = 0;
  virtual void deallocate(Storage& storage) noexcept = 0;
  /// Copies `bytes`, where one of the two storages at least is of this type. A copy to the host is
  /// done on return; any other is done in the order of the stream, and `from` may be changed.
  virtual void copy(Storage& to, std::int64_t to_offset, Storage& from, std::int64_t from_offset,
                    std::int64_t bytes) = 0;

  virtual void synchronize(int index) = 0;
  virtual MemoryStats memory_stats(int index) = 0;
  virtual void reset_peak_bytes(int index) = 0;
  virtual void set_memory_limit(int index, std::int64_t bytes) = 0;
  virtual void empty_cache(int index) = 0;
};

/// Makes `backend`, which lives from now on, that of `type`. Called by the backend's library.
void register_backend(DeviceType type, Backend& backend);

namespace detail {
/// The backend of an existing device; Error(backend) says why there is none.
Backend& backend(Device device);
void observe_sync(std::string_view reason);
}  // namespace detail

}  // namespace sonde
