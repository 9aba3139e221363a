#include "fault.hpp"

#include <cstdio>
#include <cstdlib>

#include "access.hpp"
#include "cuda_runtime.h"
#include "image.hpp"

namespace simulator {
namespace {

const void* last_kernel = nullptr;

}  // namespace

void set_last_kernel(const void* kernel) {
  last_kernel = kernel;
}

void fault(const std::string& message) {
  const std::string kernel = last_kernel == nullptr ? "none" : function_at(last_kernel);
  std::fprintf(stderr, "CUDA simulator: %s; last kernel: %s\n", message.c_str(), kernel.c_str());
  std::abort();
}

}  // namespace simulator

void __trap() {
  const simulator::Inside outside(false);
  simulator::fault("__trap() or a false __builtin_assume");
}
