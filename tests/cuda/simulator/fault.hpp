// What the simulator says when it finds a fault.
#pragma once

#include <string>

namespace simulator {

/// Writes "CUDA simulator: <message>" with the kernel that runs or ran last, and aborts.
[[noreturn]] void fault(const std::string& message);

/// The kernel for messages.
void set_last_kernel(const void* kernel);

}  // namespace simulator
