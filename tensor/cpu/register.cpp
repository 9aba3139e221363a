#include "tensor/cpu/register.hpp"

#include "tensor/kernel.hpp"

namespace sonde {

void register_cpu_kernels() {
  cpu::register_bootstrap();
  cpu::register_copy();
  cpu::register_elementwise();
  cpu::register_gather_scatter();
  cpu::register_random();
  cpu::register_sort();
  cpu::register_take();
  cpu::register_conv();
  cpu::register_pool();
  cpu::register_softmax();
  cpu::register_cross_entropy();
  cpu::register_normalize();
}

}  // namespace sonde
