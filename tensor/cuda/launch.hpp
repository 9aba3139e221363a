/// @file
/// Launching a kernel, and what most kernels need of their grid.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "tensor/cuda/runtime.hpp"

namespace sonde::cuda {

struct Grid {
  std::int64_t blocks = 1;
  int threads = 256;
  std::int64_t shared_bytes = 0;  ///< of dynamic shared memory
};

/// Blocks of `threads` for one thread per item, but no more than keep a device busy: kernels go
/// over their items in steps of the grid.
inline Grid grid_over(std::int64_t items, int threads = 256) {
  constexpr std::int64_t most = 1 << 16;
  return {std::clamp<std::int64_t>((items + threads - 1) / threads, 1, most), threads, 0};
}

namespace detail {
/// Blocks may have more than 48 KiB of dynamic shared memory only if the kernel says so.
void allow_shared(const void* kernel, std::int64_t bytes, std::string_view op);
cudaLaunchConfig_t config_of(const Stream& stream, const Grid& grid);
}  // namespace detail

/// Puts the kernel into the stream. No blocks: nothing happens. `op` names it in errors.
template <class... Params, class... Args>
void launch(std::string_view op, Stream& stream, const Grid& grid, void (*kernel)(Params...),
            const Args&... args) {
  if (grid.blocks == 0) return;
  constexpr std::int64_t always_allowed = 48 << 10;
  if (grid.shared_bytes > always_allowed)
    detail::allow_shared(reinterpret_cast<const void*>(kernel), grid.shared_bytes, op);
  const cudaLaunchConfig_t config = detail::config_of(stream, grid);
  check(cudaLaunchKernelEx(&config, kernel, static_cast<Params>(args)...), op);
}

#if defined(__CUDACC__) || defined(SONDE_CUDA_SIMULATOR)
/// Global index of the calling thread in x, and the number of threads in the grid.
__device__ inline std::int64_t thread_index() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ inline std::int64_t grid_threads() {
  return static_cast<std::int64_t>(gridDim.x) * blockDim.x;
}

/// The block's dynamic shared memory, 16-byte aligned.
template <class T>
__device__ T* dynamic_shared() {
#ifdef SONDE_CUDA_SIMULATOR
  return reinterpret_cast<T*>(simulator::dynamic_shared());
#else
  extern __shared__ __align__(16) unsigned char block_memory[];
  return reinterpret_cast<T*>(block_memory);
#endif
}
#endif

}  // namespace sonde::cuda
