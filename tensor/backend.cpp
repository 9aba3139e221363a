#include "tensor/backend.hpp"

#include <dlfcn.h>

#include <atomic>
#include <charconv>
#include <filesystem>
#include <memory>
#include <mutex>
#include <shared_mutex>

#include "tensor/error.hpp"

namespace sonde {
namespace {

std::atomic<Backend*> registered[device_type_count] = {};

// The library that lies beside this one.
std::string library_path() {
  Dl_info here;
  if (dladdr(reinterpret_cast<const void*>(&register_backend), &here) == 0) return {};
  return std::filesystem::path(here.dli_fname).replace_filename("libsonde_cuda.so").string();
}

// Loads the CUDA backend, whose entry registers it; returns why that failed, or nothing.
std::string load_cuda() {
  const std::string path = library_path();
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return "this build of Sonde has no CUDA backend";
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) return fmt::format("the CUDA backend cannot be loaded: {}", dlerror());
  const auto entry = reinterpret_cast<void (*)()>(dlsym(library, "sonde_register_cuda"));
  if (!entry) return fmt::format("{} is not a backend of Sonde", path);
  entry();
  return {};
}

struct Found {
  Backend* backend = nullptr;
  std::string why_not;
};

Found find_backend(DeviceType type) {
  auto& slot = registered[static_cast<int>(type)];
  if (Backend* b = slot.load(std::memory_order_acquire)) return {b, {}};
  static std::once_flag once;
  static std::string why_not;
  std::call_once(once, [] { why_not = load_cuda(); });
  return {slot.load(std::memory_order_acquire), why_not};
}

std::shared_mutex observer_mutex;
SyncObserver sync_observer;
std::atomic<bool> observed{false};

}  // namespace

void register_backend(DeviceType type, Backend& backend) {
  registered[static_cast<int>(type)].store(&backend, std::memory_order_release);
}

int device_count(DeviceType type) {
  if (type == DeviceType::cpu) return 1;
  const Found found = find_backend(type);
  return found.backend ? found.backend->device_count() : 0;
}

Backend& detail::backend(Device device) {
  const Found found = find_backend(device.type);
  if (!found.backend)
    fail_hint(ErrorCode::backend, "device", "build with -DSONDE_CUDA=ON where nvcc is", "{}: {}",
              device, found.why_not);
  const int count = found.backend->device_count();
  if (count == 0)
    fail_hint(ErrorCode::backend, "device", "compute on the CPU", "{}: {}", device,
              found.backend->why_none());
  if (device.index < 0 || device.index >= count)
    fail(ErrorCode::backend, "device", "{}: this machine has {} device{}", device, count,
         count == 1 ? "" : "s");
  return *found.backend;
}

DeviceInfo device_info(Device device) {
  if (device.type == DeviceType::cpu)
    fail_hint(ErrorCode::value, "device_info", "system_info() describes it", "the CPU");
  return detail::backend(device).info(device.index);
}

Device to_device(std::string_view name) {
  if (name == "cpu") return {};
  if (name == "cuda") return {DeviceType::cuda, 0};
  constexpr std::string_view prefix = "cuda:";
  std::int8_t index = -1;
  if (name.starts_with(prefix)) {
    const char* end = name.data() + name.size();
    const auto [stop, error] = std::from_chars(name.data() + prefix.size(), end, index);
    if (error == std::errc{} && stop == end && index >= 0) return {DeviceType::cuda, index};
  }
  fail_hint(ErrorCode::value, "device", "cpu, cuda or cuda:N", "no device is called '{}'", name);
}

void synchronize(Device device) {
  if (device.type != DeviceType::cpu) detail::backend(device).synchronize(device.index);
}

MemoryStats memory_stats(Device device) {
  return device.type == DeviceType::cpu ? memory_stats()
                                        : detail::backend(device).memory_stats(device.index);
}

void reset_peak_bytes(Device device) {
  if (device.type == DeviceType::cpu) return reset_peak_bytes();
  detail::backend(device).reset_peak_bytes(device.index);
}

void set_memory_limit(std::int64_t bytes, Device device) {
  if (device.type == DeviceType::cpu) return set_memory_limit(bytes);
  detail::backend(device).set_memory_limit(device.index, bytes);
}

void empty_cache(Device device) {
  if (device.type == DeviceType::cpu) return empty_cache();
  detail::backend(device).empty_cache(device.index);
}

void set_sync_observer(SyncObserver observer) {
  std::lock_guard lock(observer_mutex);
  observed.store(static_cast<bool>(observer), std::memory_order_relaxed);
  sync_observer = std::move(observer);
}

void detail::observe_sync(std::string_view reason) {
  if (!observed.load(std::memory_order_relaxed)) return;
  std::shared_lock lock(observer_mutex);
  if (sync_observer) sync_observer(reason);
}

}  // namespace sonde
