#include "tensor/cuda/launch.hpp"

namespace sonde::cuda {

void detail::allow_shared(const void* kernel, std::int64_t bytes, std::string_view op) {
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                             static_cast<int>(bytes)),
        op);
}

cudaLaunchConfig_t detail::config_of(const Stream& stream, const Grid& grid) {
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>(grid.blocks), 1, 1);
  config.blockDim = dim3(static_cast<unsigned>(grid.threads), 1, 1);
  config.dynamicSmemBytes = static_cast<std::size_t>(grid.shared_bytes);
  config.stream = stream.handle;
  return config;
}

}  // namespace sonde::cuda
