#include "tensor/parallel.hpp"

#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <mutex>

#include "tensor/cgroup.hpp"
#include "tensor/error.hpp"
#include "tensor/sanitizers.hpp"

namespace sonde {
namespace {

int default_threads() {
  return static_cast<int>(
      std::max(1.0, std::min<double>(affinity_cpus(), std::ceil(cgroup_cpus()))));
}

struct Workers {
  explicit Workers(int n)
      : count(n),
        limit(tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(n)),
        arena(n) {}
  int count;
  tbb::global_control limit;
  tbb::task_arena arena;
};

// What TBB promises of a loop (the chunks see what the caller wrote before, the caller sees after
// the loop what the chunks wrote), told once more in an atomic that the thread sanitizer sees: it
// cannot look into TBB, which is not built with it. Races between chunks stay visible. In other
// builds these do nothing.
std::atomic<unsigned> handed_over{0};
void hand_over() {
  if constexpr (detail::thread_sanitizer) handed_over.fetch_add(1, std::memory_order_release);
}
void take_over() {
  if constexpr (detail::thread_sanitizer) handed_over.load(std::memory_order_acquire);
}

std::mutex workers_mutex;
std::shared_ptr<Workers> workers_owner;
std::atomic<Workers*> workers_now{nullptr};

Workers& workers() {
  if (Workers* w = workers_now.load(std::memory_order_acquire)) return *w;
  std::lock_guard lock(workers_mutex);
  if (!workers_owner) {
    workers_owner = std::make_shared<Workers>(default_threads());
    workers_now.store(workers_owner.get(), std::memory_order_release);
  }
  return *workers_owner;
}

}  // namespace

int threads() {
  return workers().count;
}

void set_threads(int n) {
  if (n < 1 || n > 1024) fail(ErrorCode::value, "set_threads", "{} is not in 1 .. 1024", n);
  if (threads() == n) return;
  std::lock_guard lock(workers_mutex);
  workers_now.store(nullptr, std::memory_order_release);
  workers_owner.reset();  // before the new limit: the smallest active limit wins
  workers_owner = std::make_shared<Workers>(n);
  workers_now.store(workers_owner.get(), std::memory_order_release);
}

std::int64_t chunk_count(std::int64_t n, std::int64_t grain) {
  return std::clamp<std::int64_t>(n / std::max<std::int64_t>(grain, 1), 1, max_chunks);
}

void detail::run_chunks(std::int64_t count, ChunkFn fn, void* context) {
  Workers& w = workers();
  if (w.count == 1) {
    for (std::int64_t i = 0; i < count; ++i) fn(context, i);
    return;
  }
  const auto chunk = [&](std::int64_t i) {
    take_over();
    fn(context, i);
    hand_over();
  };
  hand_over();
  w.arena.execute([&] {
    tbb::this_task_arena::isolate(
        [&] { tbb::parallel_for(std::int64_t{0}, count, chunk, tbb::simple_partitioner()); });
  });
  take_over();
}

}  // namespace sonde
