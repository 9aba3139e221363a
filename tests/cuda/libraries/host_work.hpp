/// @file
/// Work of the host as a piece of a simulated stream: a library's routine comes after what the
/// stream did before it, and its operands lie in the host's memory.
#pragma once

#include <functional>

#include "tensor/cuda/runtime.hpp"

namespace sonde::cuda {

/// `work` must not throw.
inline void put_on(Stream& stream, std::function<void()> work) {
  const auto run = [](void* given) {
    const std::unique_ptr<std::function<void()>> mine(static_cast<std::function<void()>*>(given));
    (*mine)();
  };
  auto kept = std::make_unique<std::function<void()>>(std::move(work));
  check(cudaLaunchHostFunc(stream.handle, run, kept.get()), "host work");
  kept.release();
}

}  // namespace sonde::cuda
