// Watches what kernels read and write, for sources that were compiled with calls before each access
// (see instrumented.cpp). The rules are CUDA's: a barrier of the block orders what its threads do
// to memory, __syncwarp what those of a warp do, the end of a kernel all; atomic operations and
// shuffles order nothing.
#pragma once

#include <cstddef>
#include <cstdint>

#include "shadow.hpp"

namespace simulator {

struct Bounds {
  const std::byte* begin = nullptr;
  std::size_t bytes = 0;
  bool contains(const void* address, std::size_t count = 1) const {
    const auto offset =
        reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(begin);
    return offset < bytes && count <= bytes - offset;
  }
};

/// The thread that runs, kept up to date by who runs kernels.
struct Running {
  std::uint32_t block = 0;
  std::uint16_t thread = 0;
  std::uint16_t block_epoch = 0;  ///< barriers of the block so far, modulo 2^16
  std::uint16_t warp_epoch = 0;   ///< __syncwarps of the warp so far, modulo 2^16
  Bounds stack;
};
extern Running running;

/// What a kernel may touch beside memory of its device.
struct KernelMemory {
  int device = 0;
  Bounds arguments;
  Bounds dynamic_shared;
};

/// The next launch: accesses are those of its threads.
void begin_kernel(const KernelMemory& memory);

/// Whether this thread of the host runs a kernel's code, and not the simulator's, which may call
/// functions of the standard library that were compiled to report their accesses.
extern thread_local bool in_kernel;
/// Says so as long as it lives.
class Inside {
 public:
  explicit Inside(bool kernel) : before_(in_kernel) { in_kernel = kernel; }
  ~Inside() { in_kernel = before_; }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  bool before_;
};

/// The kernel's thread touches `bytes` at the address; `code` is where. Ends the program if it may
/// not: outside of its memory, shared memory that the block has not written, or not ordered with
/// another thread's access.
void note_access(const void* address, std::size_t bytes, AccessKind kind, const void* code);
/// The same for an access whose address must be a multiple of its size.
void note_aligned_access(const void* address, std::size_t bytes, AccessKind kind, const void* code);

}  // namespace simulator
