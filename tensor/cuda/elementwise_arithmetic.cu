#include "tensor/cuda/elementwise.hpp"
#include "tensor/cuda/elementwise_families.hpp"
#include "tensor/functors/arithmetic.hpp"

namespace sonde::cuda {

void register_arithmetic() {
  using namespace functors;
  add_numbers<kernels::add, Add, 2>();
  add_numbers<kernels::sub, Sub, 2>();
  add_numbers<kernels::mul, Mul, 2>();
  add_floats<kernels::div, Div, 2>();
}

}  // namespace sonde::cuda
