#include "guarded.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "fault.hpp"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, bytes)
#define ASAN_UNPOISON_MEMORY_REGION(address, bytes)
#endif

namespace simulator {
namespace {

constexpr std::size_t guard_bytes = 256;
constexpr int guard_value = 0xA5;

[[maybe_unused]] bool holds(const std::byte* begin, std::size_t bytes, int value) {
  return std::all_of(begin, begin + bytes, [=](std::byte b) { return b == std::byte(value); });
}

}  // namespace

Guarded::Guarded(std::string what, std::size_t bytes) : what_(std::move(what)), bytes_(bytes) {
  const std::size_t rounded = (bytes + guard_bytes - 1) / guard_bytes * guard_bytes;
  auto* block = static_cast<std::byte*>(std::aligned_alloc(guard_bytes, rounded + 2 * guard_bytes));
  if (block == nullptr) return;
  data_ = block + guard_bytes;
  std::memset(block, guard_value, guard_bytes);
  std::memset(data_, poison_fresh, bytes);
  std::memset(data_ + bytes, guard_value, guard_bytes);
  ASAN_POISON_MEMORY_REGION(block, guard_bytes);
  ASAN_POISON_MEMORY_REGION(data_ + bytes, rounded - bytes + guard_bytes);
}

Guarded::Guarded(Guarded&& other) noexcept
    : what_(std::move(other.what_)),
      bytes_(other.bytes_),
      data_(std::exchange(other.data_, nullptr)) {}

Guarded::~Guarded() {
  if (data_ == nullptr) return;
  ASAN_UNPOISON_MEMORY_REGION(data_ - guard_bytes, bytes_ + 3 * guard_bytes);
  std::free(data_ - guard_bytes);
}

void Guarded::check() const {
#if !defined(__SANITIZE_ADDRESS__)  // which sees the access itself
  if (!holds(data_ - guard_bytes, guard_bytes, guard_value)) {
    fault("written before the start of " + what_ + " of " + std::to_string(bytes_) + " bytes");
  }
  if (!holds(data_ + bytes_, guard_bytes, guard_value)) {
    fault("written past the end of " + what_ + " of " + std::to_string(bytes_) + " bytes");
  }
#endif
}

void Guarded::retire() {
  check();
  std::memset(data_, poison_freed, bytes_);
  ASAN_POISON_MEMORY_REGION(data_, bytes_);
}

void Guarded::check_retired() const {
#if !defined(__SANITIZE_ADDRESS__)
  if (!holds(data_, bytes_, poison_freed)) {
    fault("written to " + what_ + " of " + std::to_string(bytes_) + " bytes after it was freed");
  }
#endif
}

}  // namespace simulator
