#include "fault.hpp"

#include <cxxabi.h>
#include <dlfcn.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "cuda_runtime.h"

namespace simulator {
namespace {

const void* last_kernel = nullptr;

/// Name of the function, or where `addr2line -Cfe` finds it if the linker did not export it.
std::string name_of(const void* function) {
  Dl_info info{};
  if (dladdr(function, &info) == 0) return "unknown";
  if (info.dli_sname != nullptr && info.dli_saddr == function) {
    int status = 0;
    const std::unique_ptr<char, decltype(&std::free)> name(
        abi::__cxa_demangle(info.dli_sname, nullptr, nullptr, &status), &std::free);
    return status == 0 ? name.get() : info.dli_sname;
  }
  char place[32];
  std::snprintf(place, sizeof place, " 0x%zx",
                reinterpret_cast<std::uintptr_t>(function) -
                    reinterpret_cast<std::uintptr_t>(info.dli_fbase));
  return std::string("addr2line -Cfe ") + info.dli_fname + place;
}

}  // namespace

void set_last_kernel(const void* kernel) {
  last_kernel = kernel;
}

void fault(const std::string& message) {
  const std::string kernel = last_kernel == nullptr ? "none" : name_of(last_kernel);
  std::fprintf(stderr, "CUDA simulator: %s; last kernel: %s\n", message.c_str(), kernel.c_str());
  std::abort();
}

}  // namespace simulator

void __trap() {
  simulator::fault("__trap() or a false __builtin_assume");
}
