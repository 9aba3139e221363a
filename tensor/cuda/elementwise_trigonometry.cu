#include "tensor/cuda/elementwise.hpp"
#include "tensor/cuda/elementwise_families.hpp"
#include "tensor/functors/math.hpp"

namespace sonde::cuda {

void register_trigonometry() {
  using namespace functors;
  add_floats<kernels::sin, Sin, 1, Weight::heavy>();
  add_floats<kernels::cos, Cos, 1, Weight::heavy>();
  add_floats<kernels::tan, Tan, 1, Weight::heavy>();
  add_floats<kernels::asin, Asin, 1, Weight::heavy>();
  add_floats<kernels::acos, Acos, 1, Weight::heavy>();
  add_floats<kernels::atan, Atan, 1, Weight::heavy>();
  add_floats<kernels::atan2, Atan2, 2, Weight::heavy>();
}

}  // namespace sonde::cuda
