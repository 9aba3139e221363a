/// @file
/// Kernel: the implementations of one operation, found by device and dtype. A backend registers what it has; what is
/// missing is a typed error. The slots themselves are in tensor/kernels/, one header per family.
#pragma once

#include <initializer_list>
#include <string_view>

#include "tensor/dtype.hpp"

namespace sonde {

/// Registers the CPU's kernels in all slots. Called once, before the first lookup that misses.
void register_cpu_kernels();

namespace detail {
void register_all_kernels_once();
[[noreturn]] void missing_kernel(std::string_view op, Device device, DType dtype);
}  // namespace detail

template <class Signature>
class Kernel {
 public:
  using Fn = Signature*;
  explicit constexpr Kernel(std::string_view op) : op_(op) {}
  std::string_view op() const { return op_; }

  void add(DeviceType device, std::initializer_list<DType> dtypes, Fn fn) {
    for (DType t : dtypes) slot(device, t) = fn;
  }
  /// Error(kernel) naming op, device and dtype if there is none.
  Fn find(Device device, DType dtype) {
    if (Fn fn = slot(device.type, dtype)) [[likely]]
      return fn;
    detail::register_all_kernels_once();
    if (Fn fn = slot(device.type, dtype)) return fn;
    detail::missing_kernel(op_, device, dtype);
  }

 private:
  Fn& slot(DeviceType device, DType dtype) {
    return table_[static_cast<int>(device)][static_cast<int>(dtype)];
  }
  std::string_view op_;
  Fn table_[device_type_count][dtype_count] = {};
};

}  // namespace sonde
