#include "tensor/allocator.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <map>
#include <mutex>
#include <vector>

#include "tensor/checked.hpp"
#include "tensor/sanitizers.hpp"

namespace sonde {
namespace {

// Under the address sanitizer blocks have their exact size and are freed at once: it sees one byte
// too far, and late use.
constexpr bool caching = !detail::address_sanitizer;
constexpr std::int64_t alignment = 64, huge_page = 2 << 20, max_cached = std::int64_t{4} << 30;

// Eight sizes per doubling: at most 12.5 % is wasted, and freed blocks fit later requests.
std::int64_t size_class(std::int64_t bytes) {
  if (!caching) return std::max<std::int64_t>(bytes, 1);
  if (bytes <= 512)
    return (std::max<std::int64_t>(bytes, 1) + alignment - 1) / alignment * alignment;
  const auto step = std::int64_t{1} << (std::bit_width(static_cast<std::uint64_t>(bytes - 1)) - 4);
  return checked_add(bytes, step - 1) / step * step;
}

struct Allocator {
  std::mutex mutex;
  std::map<std::int64_t, std::vector<void*>> free_blocks;  // by size class
  std::int64_t current = 0, peak = 0, cached = 0, limit = 0;
};

Allocator& allocator() {
  static Allocator* a = new Allocator;  // never destroyed: tensors may outlive main
  return *a;
}

void release_cache(Allocator& a) {
  for (auto& [size, blocks] : a.free_blocks)
    for (void* p : blocks) std::free(p);
  a.free_blocks.clear();
  a.cached = 0;
}

void* from_system(std::int64_t size) {
  void* p = nullptr;
  const auto align = static_cast<std::size_t>(size >= huge_page ? huge_page : alignment);
  if (posix_memalign(&p, align, static_cast<std::size_t>(size)) != 0) return nullptr;
  if (size >= huge_page) madvise(p, static_cast<std::size_t>(size), MADV_HUGEPAGE);
  return p;
}

}  // namespace

void* detail::allocate(std::int64_t bytes, std::int64_t& capacity) {
  const std::int64_t size = size_class(bytes);
  capacity = size;
  Allocator& a = allocator();
  std::lock_guard lock(a.mutex);
  if (a.limit > 0 && size > a.limit - a.current)
    fail_hint(ErrorCode::memory, "allocate", "use smaller chunks, or raise the limit",
              "{} bytes asked, {} held, limit {}", bytes, a.current, a.limit);
  void* p = nullptr;
  if (auto it = a.free_blocks.find(size); it != a.free_blocks.end() && !it->second.empty()) {
    p = it->second.back();
    it->second.pop_back();
    a.cached -= size;
  } else {
    p = from_system(size);
    if (!p) {
      release_cache(a);
      p = from_system(size);
    }
  }
  if (!p)
    fail_hint(ErrorCode::memory, "allocate", "use smaller chunks or a smaller batch",
              "{} bytes asked, {} held, the system has no more", bytes, a.current);
  a.current += size;
  a.peak = std::max(a.peak, a.current);
  return p;
}

void detail::deallocate(void* p, std::int64_t capacity) noexcept {
  Allocator& a = allocator();
  std::lock_guard lock(a.mutex);
  a.current -= capacity;
  if (!caching) return std::free(p);
  try {
    a.free_blocks[capacity].push_back(p);
    a.cached += capacity;
    if (a.cached > max_cached) release_cache(a);
  } catch (...) {
    std::free(p);
  }
}

MemoryStats memory_stats() {
  Allocator& a = allocator();
  std::lock_guard lock(a.mutex);
  return {a.current, a.peak, a.cached, a.limit};
}
std::int64_t current_bytes() {
  return memory_stats().current;
}
std::int64_t peak_bytes() {
  return memory_stats().peak;
}

void reset_peak_bytes() {
  Allocator& a = allocator();
  std::lock_guard lock(a.mutex);
  a.peak = a.current;
}

void set_memory_limit(std::int64_t bytes) {
  if (bytes < 0) fail(ErrorCode::value, "set_memory_limit", "{} is negative", bytes);
  Allocator& a = allocator();
  std::lock_guard lock(a.mutex);
  a.limit = bytes;
}

void empty_cache() {
  Allocator& a = allocator();
  std::lock_guard lock(a.mutex);
  release_cache(a);
}

}  // namespace sonde
