#include "tensor/kernels/matmul.hpp"

namespace sonde {
namespace {
std::atomic<bool> tf32{false};
}  // namespace

bool matmul_tf32() {
  return tf32.load(std::memory_order_relaxed);
}
void set_matmul_tf32(bool on) {
  tf32.store(on, std::memory_order_relaxed);
}

}  // namespace sonde
