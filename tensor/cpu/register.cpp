#include "tensor/cpu/register.hpp"

#include "tensor/kernel.hpp"

namespace sonde {

void register_cpu_kernels() {
  cpu::register_attention();
  cpu::register_conv();
  cpu::register_copy();
  cpu::register_cross_entropy();
  cpu::register_deviance();
  cpu::register_elementwise();
  cpu::register_gather_scatter();
  cpu::register_lstm();
  cpu::register_lstm_cell();
  cpu::register_linalg();
  cpu::register_matmul();
  cpu::register_normalize();
  cpu::register_optim();
  cpu::register_pool();
  cpu::register_random();
  cpu::register_reduce();
  cpu::register_softmax();
  cpu::register_sort();
  cpu::register_take();
}

}  // namespace sonde
