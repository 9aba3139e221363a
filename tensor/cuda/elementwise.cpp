#include "tensor/cuda/elementwise_families.hpp"
#include "tensor/cuda/register.hpp"

namespace sonde::cuda {

void register_elementwise() {
  register_arithmetic();
  register_powers();
  register_comparisons();
  register_choice();
  register_math();
  register_trigonometry();
  register_activations();
  register_activation_products();
}

}  // namespace sonde::cuda
