/// @file
/// A module on both devices.
#pragma once

#include <memory>

#include "autograd/ops.hpp"
#include "nn/module.hpp"
#include "tensor/backend.hpp"
#include "tests/cuda/both.hpp"

namespace sonde::testing {

/// A module on the CPU and the same one on the device, made by `make` with the same parameters.
struct OnBoth {
  template <class Make>
  explicit OnBoth(const Make& make) : here(make()), there(make()) {
    there->to(gpu);
  }
  std::unique_ptr<nn::Module> here, there;
};

/// All values as one vector, on the host: rounding is of the size of the largest, and some of them
/// (derivatives by biases in front of a batch norm) are nothing but rounding.
inline Tensor as_vector(const Vars& values, Device device) {
  Vars parts;
  for (const Var& v : values) {
    EXPECT_EQ(v.device(), device);
    parts.push_back(reshape(v.tensor().to(Device{}), {v.numel()}));
  }
  return concat(parts, 0).tensor();
}

inline void expect_close(const Vars& on_cpu, const Vars& on_gpu, double tolerance) {
  ASSERT_EQ(on_cpu.size(), on_gpu.size());
  expect_close(as_vector(on_cpu, {}), as_vector(on_gpu, gpu).to(gpu), tolerance);
}

/// While it lives, a host that waits for the device is a failure.
class NoWaiting {
 public:
  NoWaiting() {
    set_sync_observer(
        [](std::string_view reason) { ADD_FAILURE() << "the host waits: " << reason; });
  }
  ~NoWaiting() { set_sync_observer({}); }
  NoWaiting(const NoWaiting&) = delete;
  NoWaiting& operator=(const NoWaiting&) = delete;
};

}  // namespace sonde::testing
