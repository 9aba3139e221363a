#include "access.hpp"

#include <algorithm>
#include <string>

#include "cuda_runtime.h"
#include "fault.hpp"
#include "image.hpp"
#include "memory.hpp"

namespace simulator {

Running running;
thread_local bool in_kernel = false;

namespace {

/// Memory by the rules for it. `free` is constant. Dynamic shared memory may be read before it is
/// written: it is poisoned, and a tile's unused edge may be computed with.
enum class Space : std::uint8_t { free, dynamic_shared, static_shared, global };

std::uint32_t kernel = 0;
KernelMemory mine;

/// Blocks of global memory that were touched last: kernels use few.
std::array<Bounds, 4> recent_blocks;
std::size_t oldest = 0;

const char* const anchor = reinterpret_cast<const char*>(&note_access);

std::string count(std::size_t bytes) {
  return std::to_string(bytes) + " bytes";
}

const char* verb(AccessKind kind) {
  if (kind == AccessKind::atomic) return "atomically changes ";
  return kind == AccessKind::read ? "reads " : "writes ";
}

std::string thread_name(std::uint32_t block, std::uint16_t thread) {
  return "thread " + std::to_string(thread) + " of block " + std::to_string(block);
}

/// What a thread is about to do.
struct Attempt {
  const std::byte* address;
  std::size_t bytes;
  AccessKind kind;
  const void* code;

  [[noreturn]] void refuse(const std::string& why) const {
    fault(thread_name(running.block, running.thread) + " " + verb(kind) + count(bytes) + " at " +
          source_of(code) + ": " + why + place_in_memory());
  }

  std::string place_in_memory() const {
    const Region region = region_of(address, 0);
    if (!region.found) return "";
    return " (byte " + std::to_string(address - region.begin) + " of " + count(region.bytes) + ")";
  }
};

/// A block of global memory that was not touched lately.
Space space_in_region(const Attempt& attempt, const Region& region) {
  // A kernel may touch memory of its device, and of the host if it is pinned.
  if (region.device != mine.device && region.device != on_host) {
    attempt.refuse("memory of another device");
  }
  const Bounds block{region.begin, region.bytes};
  if (!block.contains(attempt.address, attempt.bytes)) {
    attempt.refuse("outside of its block of memory");
  }
  recent_blocks[oldest++ % recent_blocks.size()] = block;
  return Space::global;
}

Space space_of(const Attempt& attempt) {
  const auto [address, bytes, kind, code] = attempt;
  for (const Bounds& block : recent_blocks) {
    if (block.contains(address, bytes)) return Space::global;
  }
  if (mine.dynamic_shared.contains(address, bytes)) return Space::dynamic_shared;
  if (const Region region = region_of(address, 0); region.found) {
    return space_in_region(attempt, region);
  }
  switch (part_of_image(address)) {
    case ImagePart::zeroed:
      return Space::static_shared;
    case ImagePart::other:
      return Space::free;
    case ImagePart::none:
      break;
  }
  attempt.refuse("neither memory of the device nor shared memory, or freed");
}

/// What each thread has to itself or nobody writes to: its stack, its indices, the arguments.
bool is_own(const void* address) {
  const Bounds indices{reinterpret_cast<const std::byte*>(&place), sizeof place};
  return running.stack.contains(address) || indices.contains(address) ||
         mine.arguments.contains(address);
}

bool is_ordered(const Access& before) {
  if (before.block != running.block) return false;
  if (before.thread == running.thread || before.block_epoch != running.block_epoch) return true;
  return before.thread / 32 == running.thread / 32 && before.warp_epoch != running.warp_epoch;
}

void check_order(const Access& before, const Access& now, const Attempt& attempt) {
  const bool both_atomic = now.kind == AccessKind::atomic && before.kind == AccessKind::atomic;
  if ((before.bytes & now.bytes) == 0 || both_atomic || is_ordered(before)) return;
  attempt.refuse("a race, as " + thread_name(before.block, before.thread) + " " +
                 verb(before.kind) + "it at " + source_of(anchor + before.code) +
                 " and no barrier is between");
}

void keep_read(Cell& cell, const Access& now) {
  // The slot of the same warp is used again: a write is more likely to be unordered with other
  // warps.
  const Access& first = cell.reads[0];
  const bool near = first.block == now.block && first.thread / 32 == now.thread / 32;
  cell.reads[first.bytes == 0 || near ? 0 : 1] = now;
}

/// Empties a cell of an earlier kernel or, in shared memory, an earlier block.
void renew(Cell& cell, Space space) {
  const bool same_block = space == Space::global || cell.writing_block == running.block;
  if (cell.kernel == kernel && same_block) return;
  cell = Cell();
  cell.kernel = kernel;
  cell.writing_block = running.block;
}

void check_word(Cell& cell, Space space, const Access& now, const Attempt& attempt) {
  renew(cell, space);
  if (space == Space::static_shared && now.kind != AccessKind::write &&
      (now.bytes & ~cell.written) != 0) {
    attempt.refuse("shared memory that no thread of the block has written");
  }
  check_order(cell.write, now, attempt);
  if (now.kind == AccessKind::read) return keep_read(cell, now);
  for (const Access& read : cell.reads) check_order(read, now, attempt);
  cell.write = now;
  cell.reads = {};
  cell.written |= now.bytes;
}

void check(const Attempt& attempt, Space space) {
  const auto begin = reinterpret_cast<std::uintptr_t>(attempt.address), end = begin + attempt.bytes;
  Access now{running.block,
             running.thread,
             attempt.kind,
             0,
             running.block_epoch,
             running.warp_epoch,
             static_cast<std::int32_t>(static_cast<const char*>(attempt.code) - anchor)};
  for (std::uintptr_t word = begin / word_bytes * word_bytes; word < end; word += word_bytes) {
    const unsigned from = word < begin ? 0xFU << (begin - word) : 0xFU;
    const unsigned to = end - word < word_bytes ? (1U << (end - word)) - 1 : 0xFU;
    now.bytes = from & to & 0xFU;
    check_word(cell_of(word), space, now, attempt);
  }
}

}  // namespace

void begin_kernel(const KernelMemory& memory) {
  ++kernel;
  mine = memory;
  recent_blocks = {};
  trim_pages();
}

void note_access(const void* address, std::size_t bytes, AccessKind kind, const void* code) {
  if (!in_kernel || is_own(address)) return;
  const Inside simulator(false);
  const Attempt attempt{static_cast<const std::byte*>(address), bytes, kind, code};
  if (const Space space = space_of(attempt); space != Space::free) check(attempt, space);
}

void note_aligned_access(const void* address, std::size_t bytes, AccessKind kind,
                         const void* code) {
  if (in_kernel && reinterpret_cast<std::uintptr_t>(address) % bytes != 0) {
    const Inside simulator(false);
    Attempt{static_cast<const std::byte*>(address), bytes, kind, code}.refuse(
        "the address is not a multiple of that");
  }
  note_access(address, bytes, kind, code);
}

void note_atomic(const void* address, std::size_t bytes) {
  note_aligned_access(address, bytes, AccessKind::atomic, __builtin_return_address(0));
}

}  // namespace simulator
