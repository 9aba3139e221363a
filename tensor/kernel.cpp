#include "tensor/kernel.hpp"

#include <mutex>

namespace sonde::detail {

void register_all_kernels_once() {
  static std::once_flag once;
  std::call_once(once, register_cpu_kernels);
}

void missing_kernel(std::string_view op, Device device, DType dtype) {
  fail_hint(ErrorCode::kernel, op, "convert with to(...), or build with the backend",
            "no kernel for device {}, dtype {}", device, dtype);
}

}  // namespace sonde::detail
