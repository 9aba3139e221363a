// Launches: the arguments are kept by value, as the real runtime does, until the stream comes to
// the kernel.
#pragma once

#include <functional>
#include <memory>
#include <tuple>
#include <utility>

#include "api.hpp"

namespace simulator {

/// A kernel with its arguments, called once for each thread.
struct Call {
  const void* kernel;
  std::shared_ptr<const void> arguments;
  std::size_t argument_bytes;
  void (*run)(const void* kernel, const void* arguments);
};

/// Checks the launch and queues it.
cudaError_t launch(const cudaLaunchConfig_t& config, Call call);

template <class Function>
const void* address_of(Function* kernel) {
  return reinterpret_cast<const void*>(kernel);
}

}  // namespace simulator

template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments&&... arguments) {
  using Kept = std::tuple<Parameters...>;
  const auto run = [](const void* address, const void* kept) {
    const auto function = reinterpret_cast<void (*)(Parameters...)>(const_cast<void*>(address));
    std::apply(function, *static_cast<const Kept*>(kept));
  };
  auto kept = std::make_shared<const Kept>(std::forward<Arguments>(arguments)...);
  return simulator::launch(*config,
                           {simulator::address_of(kernel), std::move(kept), sizeof(Kept), run});
}

template <class Kernel>
cudaError_t cudaFuncSetAttribute(Kernel* kernel, cudaFuncAttribute attribute, int value) {
  return cudaFuncSetAttribute(simulator::address_of(kernel), attribute, value);
}

template <class Kernel>
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, Kernel kernel,
                                                          int block_size,
                                                          std::size_t dynamic_shared) {
  return cudaOccupancyMaxActiveBlocksPerMultiprocessor(blocks, simulator::address_of(kernel),
                                                       block_size, dynamic_shared);
}
