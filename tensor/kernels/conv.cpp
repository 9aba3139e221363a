#include "tensor/kernels/conv.hpp"

namespace sonde {
namespace {
std::atomic<bool> winograd{true}, tf32{false};
}  // namespace

bool conv_winograd() {
  return winograd.load(std::memory_order_relaxed);
}
void set_conv_winograd(bool on) {
  winograd.store(on, std::memory_order_relaxed);
}

bool conv_tf32() {
  return tf32.load(std::memory_order_relaxed);
}
void set_conv_tf32(bool on) {
  tf32.store(on, std::memory_order_relaxed);
}

}  // namespace sonde
