/// @file
/// Loops over all cores. Chunk boundaries depend on sizes only, so results do not depend on the
/// number of threads.
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

namespace sonde {

/// Threads that kernels use. Default: the smaller of the affinity mask and the cgroup's CPU quota.
int threads();
/// Sets the number of threads (>= 1; may exceed the number of cores). Error(value) otherwise.
void set_threads(int n);

/// At most this many chunks per loop.
inline constexpr std::int64_t max_chunks = 16;

/// The number of chunks `parallel_for` cuts `n` items into when a chunk shall hold at least `grain`
/// items.
std::int64_t chunk_count(std::int64_t n, std::int64_t grain);
/// First item of chunk `i` of `count` over `n` items (i == count gives n).
constexpr std::int64_t chunk_begin(std::int64_t n, std::int64_t count, std::int64_t i) {
  return n / count * i + (i < n % count ? i : n % count);
}

namespace detail {
using ChunkFn = void (*)(void* context, std::int64_t chunk);
void run_chunks(std::int64_t count, ChunkFn fn, void* context);
}  // namespace detail

/// Calls `f(chunk)` for chunk = 0 .. count-1, possibly at the same time. Runs inline if there is
/// one chunk or one thread. TBB tasks are isolated: a waiting thread never starts foreign work in
/// the middle of a kernel.
template <class F>
void parallel_chunks(std::int64_t count, F&& f) {
  if (count == 1) return f(std::int64_t{0});
  using G = std::remove_reference_t<F>;
  detail::run_chunks(
      count, [](void* context, std::int64_t i) { (*static_cast<G*>(context))(i); },
      const_cast<void*>(static_cast<const void*>(&f)));
}

/// Calls `f(begin, end)` over [0, n) in chunks of at least `grain` items. As a rule a chunk should
/// be worth 20 us.
template <class F>
void parallel_for(std::int64_t n, std::int64_t grain, F&& f) {
  if (n <= 0) return;
  const std::int64_t count = chunk_count(n, grain);
  if (count == 1) return f(std::int64_t{0}, n);
  parallel_chunks(
      count, [&](std::int64_t i) { f(chunk_begin(n, count, i), chunk_begin(n, count, i + 1)); });
}

}  // namespace sonde
