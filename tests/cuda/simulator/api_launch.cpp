// Launches and what they may ask for.
#include <algorithm>
#include <map>

#include "block.hpp"
#include "memory.hpp"
#include "state.hpp"
#include "stream.hpp"

namespace simulator {
namespace {

/// Dynamic shared memory that a kernel may have, where cudaFuncSetAttribute said so.
std::map<const void*, std::size_t>& shared_limits() {
  static auto& limits = *new std::map<const void*, std::size_t>;
  return limits;
}

std::size_t shared_limit(const void* kernel) {
  const auto place = shared_limits().find(kernel);
  return place == shared_limits().end() ? shared_per_block
                                        : std::max(place->second, shared_per_block);
}

bool is_grid(dim3 grid) {
  return grid.x - 1 < 0x7FFFFFFF && grid.y - 1 < 65535 && grid.z - 1 < 65535;
}

bool is_block(dim3 block) {
  return block.x - 1 < threads_per_block && block.y - 1 < threads_per_block && block.z - 1 < 64 &&
         block.x * block.y * block.z <= threads_per_block;
}

void run(const Call& kernel, int device, const cudaLaunchConfig_t& config) {
  run_grid(kernel, device, config.gridDim, config.blockDim, config.dynamicSmemBytes);
  if (state.check_each_kernel) check_blocks();
}

}  // namespace

cudaError_t launch(const cudaLaunchConfig_t& config, Call kernel) {
  return call([&] {
    const auto stream = find_stream(config.stream);
    if (!stream || stream->device != current_device) return cudaErrorInvalidResourceHandle;
    if (!is_grid(config.gridDim) || !is_block(config.blockDim)) {
      return cudaErrorInvalidConfiguration;
    }
    if (config.dynamicSmemBytes > shared_limit(kernel.kernel)) return cudaErrorInvalidValue;
    if (config.numAttrs != 0) return cudaErrorNotSupported;
    if (const cudaError_t failure = take_failure(); failure != cudaSuccess) return failure;
    ++state.counters.launches;
    stream->pending.push_back(
        {.run = [=, device = stream->device] { run(kernel, device, config); }});
    return cudaSuccess;
  });
}

}  // namespace simulator

using namespace simulator;  // NOLINT(google-build-using-namespace): what follows is CUDA's and
                            // global

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  return call([&] {
    if (kernel == nullptr) return cudaErrorInvalidDeviceFunction;
    if (attribute == cudaFuncAttributePreferredSharedMemoryCarveout) return cudaSuccess;
    if (value < 0 || static_cast<std::size_t>(value) > state.shared_per_block_optin) {
      return cudaErrorInvalidValue;
    }
    shared_limits()[kernel] = static_cast<std::size_t>(value);
    return cudaSuccess;
  });
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void* kernel,
                                                          int block_size,
                                                          std::size_t dynamic_shared) {
  return call([&] {
    if (blocks == nullptr || kernel == nullptr || block_size < 1) return cudaErrorInvalidValue;
    *blocks = 0;
    if (block_size > static_cast<int>(threads_per_block)) return cudaSuccess;
    if (dynamic_shared > shared_limit(kernel)) return cudaSuccess;
    const int warps = (block_size + 31) / 32;
    const auto shared = dynamic_shared + shared_reserved_per_block;
    *blocks = std::min({blocks_per_multiprocessor, threads_per_multiprocessor / 32 / warps,
                        static_cast<int>(shared_per_multiprocessor / shared)});
    return cudaSuccess;
  });
}
