#include <array>
#include <mutex>
#include <new>

#include "tensor/ref.hpp"
#include "tensor/sanitizers.hpp"

namespace sonde {
namespace {

constexpr bool pooled = !detail::address_sanitizer && !detail::thread_sanitizer;
constexpr std::size_t granule = 32, classes = 8, batch = 64;

struct Block {
  Block* next;
};
struct FreeList {
  Block* head = nullptr;
  std::size_t count = 0;
};

// Shared store that threads refill from and spill to; never destroyed, so that late frees stay
// valid.
struct Store {
  std::mutex mutex;
  std::array<FreeList, classes> lists;
};
Store& store() {
  static Store* s = new Store;
  return *s;
}

void spill(FreeList& from, std::size_t c, std::size_t keep) {
  Store& s = store();
  std::lock_guard lock(s.mutex);
  while (from.count > keep) {
    Block* b = from.head;
    from.head = b->next;
    --from.count;
    b->next = s.lists[c].head;
    s.lists[c].head = b;
    ++s.lists[c].count;
  }
}

thread_local std::array<FreeList, classes>
    local_lists;  // trivially destructible: usable until the end

// Gives a finished thread's blocks back.
struct Returner {
  ~Returner() {
    for (std::size_t c = 0; c < classes; ++c) spill(local_lists[c], c, 0);
  }
};
thread_local Returner returner;

Block* refill(std::size_t c) {
  (void)&returner;  // construct it, so that it runs at the thread's end
  FreeList& mine = local_lists[c];
  {
    Store& s = store();
    std::lock_guard lock(s.mutex);
    while (s.lists[c].head && mine.count < batch) {
      Block* b = s.lists[c].head;
      s.lists[c].head = b->next;
      --s.lists[c].count;
      b->next = mine.head;
      mine.head = b;
      ++mine.count;
    }
  }
  if (!mine.head) {
    const std::size_t size = (c + 1) * granule;
    auto* slab = static_cast<std::byte*>(::operator new(size* batch));
    for (std::size_t i = 0; i < batch; ++i) {
      auto* b = reinterpret_cast<Block*>(slab + i * size);
      b->next = mine.head;
      mine.head = b;
    }
    mine.count += batch;
  }
  return mine.head;
}

}  // namespace

void* pool_allocate(std::size_t bytes) {
  const std::size_t c = (bytes - 1) / granule;
  if (!pooled || c >= classes) return ::operator new(bytes);
  FreeList& mine = local_lists[c];
  Block* b = mine.head ? mine.head : refill(c);
  mine.head = b->next;
  --mine.count;
  return b;
}

void pool_free(void* p, std::size_t bytes) noexcept {
  const std::size_t c = (bytes - 1) / granule;
  if (!pooled || c >= classes) return ::operator delete(p);
  FreeList& mine = local_lists[c];
  auto* b = static_cast<Block*>(p);
  b->next = mine.head;
  mine.head = b;
  if (++mine.count > 64 * batch) spill(mine, c, 32 * batch);
}

}  // namespace sonde
