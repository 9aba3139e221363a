/// @file
/// Storage: a block of bytes that tensors share. Up to 64 bytes live in the object itself.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "tensor/dtype.hpp"
#include "tensor/ref.hpp"

namespace sonde {

class Storage final : public Counted, public Pooled<Storage> {
 public:
  /// Uninitialised bytes; Error(memory) if they cannot be had.
  explicit Storage(std::int64_t bytes, Device device = {});
  /// Bytes that something else owns (a mapped file, foreign memory); `owner` lives as long as the
  /// storage.
  Storage(void* data, std::int64_t bytes, Ref<Counted> owner)
      : data_(static_cast<std::byte*>(data)), bytes_(bytes), owner_(std::move(owner)) {}
  ~Storage() override;

  /// On a device: an address there, of no use to the host.
  std::byte* data() { return data_; }
  std::int64_t bytes() const { return bytes_; }
  Device device() const { return device_; }
  /// Grows with each mutation after creation; a recorded operation compares it before it uses a
  /// saved tensor.
  std::uint32_t version() const { return version_.load(std::memory_order_relaxed); }
  void bump_version() { version_.fetch_add(1, std::memory_order_relaxed); }

  /// The stream that used these bytes last, and whether there was ever another: kept for the
  /// backend, which orders streams by it.
  struct StreamUse {
    std::atomic<void*> last{nullptr};
    std::atomic<bool> shared{false};
  };
  StreamUse& stream_use() { return stream_use_; }

 private:
  static constexpr std::int64_t inline_bytes = 64;
  std::byte* data_ = nullptr;
  std::int64_t bytes_ = 0, capacity_ = 0;  // capacity 0: inline or foreign
  Device device_;
  StreamUse stream_use_;
  std::atomic<std::uint32_t> version_{0};
  Ref<Counted> owner_;
  alignas(16) std::byte inline_[inline_bytes];
};

}  // namespace sonde
