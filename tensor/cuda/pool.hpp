/// @file
/// Device memory: CUDA's stream-ordered pool, which keeps what is freed, and the counts of it.
#pragma once

#include <atomic>
#include <string_view>

#include "tensor/allocator.hpp"
#include "tensor/cuda/runtime.hpp"

namespace sonde::cuda {

class Pool {
 public:
  explicit Pool(int device);
  /// In the order of `stream`. Error(memory) says what was asked, held, cached and free.
  void* allocate(Stream& stream, std::int64_t bytes);
  /// The memory is used by later work of `stream` only.
  void free(Stream& stream, void* p, std::int64_t bytes) noexcept;

  MemoryStats stats();
  void reset_peak() { peak_.store(current_.load()); }
  void set_limit(std::int64_t bytes) { limit_.store(bytes); }
  /// Gives back to the driver what no tensor holds.
  void trim();

 private:
  std::int64_t attribute(cudaMemPoolAttr which);
  void count(std::int64_t bytes);
  [[noreturn]] void fail_full(std::int64_t bytes, std::string_view why);

  const int device_;
  cudaMemPool_t pool_ = nullptr;
  std::atomic<std::int64_t> current_{0}, peak_{0}, limit_{0};
};

}  // namespace sonde::cuda
