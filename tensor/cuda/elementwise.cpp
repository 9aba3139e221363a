#include "tensor/cuda/elementwise_families.hpp"
#include "tensor/cuda/register.hpp"

namespace sonde::cuda {

void register_elementwise() {
  register_arithmetic();
}

}  // namespace sonde::cuda
