/// @file
/// The caching allocator. Fresh pages cost more than most kernels, so freed blocks are kept and
/// used again.
#pragma once

#include <cstdint>

namespace sonde {

/// Byte counts of the allocator. `current` and `peak` count what tensors hold (rounded to the block
/// size), `cached` what is kept for re-use.
struct MemoryStats {
  std::int64_t current = 0, peak = 0, cached = 0, limit = 0;
};

MemoryStats memory_stats();
/// Bytes held by tensors now, and their highest value since `reset_peak_bytes()`.
std::int64_t current_bytes();
std::int64_t peak_bytes();
void reset_peak_bytes();
/// Bytes that tensors may hold together; 0 means no limit. Beyond it, allocation throws
/// Error(memory).
void set_memory_limit(std::int64_t bytes);
/// Gives the cached blocks back to the system.
void empty_cache();

namespace detail {
/// 64-byte aligned block of at least `bytes`; `capacity` gets its real size. Thread-safe.
/// Error(memory) on failure.
void* allocate(std::int64_t bytes, std::int64_t& capacity);
void deallocate(void* p, std::int64_t capacity) noexcept;
}  // namespace detail

}  // namespace sonde
