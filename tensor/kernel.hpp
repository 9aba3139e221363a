/// @file
/// Kernel: the implementations of one operation, found by device and dtype. A backend registers
/// what it has; what is missing is a typed error. The slots themselves are in tensor/kernels/, one
/// header per family.
#pragma once

#include <atomic>
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
    for (DType t : dtypes) slot(device, t).store(fn, std::memory_order_relaxed);
  }
  /// Error(kernel) naming op, device and dtype if there is none.
  Fn find(Device device, DType dtype) {
    if (Fn fn = slot(device.type, dtype).load(std::memory_order_relaxed)) [[likely]]
      return fn;
    detail::register_all_kernels_once();
    if (Fn fn = slot(device.type, dtype).load(std::memory_order_relaxed)) return fn;
    detail::missing_kernel(op_, device, dtype);
  }

 private:
  std::atomic<Fn>& slot(DeviceType device, DType dtype) {
    return table_[static_cast<int>(device)][static_cast<int>(dtype)];
  }
  std::string_view op_;
  std::atomic<Fn> table_[device_type_count][dtype_count] =
      {};  // one thread may look up while another registers
};

}  // namespace sonde
