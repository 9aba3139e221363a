#include "tensor/cpu/register.hpp"

#include "tensor/kernel.hpp"

namespace sonde {

void register_cpu_kernels() {
  cpu::register_copy();
}

}  // namespace sonde
