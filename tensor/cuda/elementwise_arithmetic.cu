#include "tensor/cuda/elementwise.hpp"
#include "tensor/cuda/elementwise_families.hpp"
#include "tensor/functors/arithmetic.hpp"
#include "tensor/functors/math.hpp"

namespace sonde::cuda {

void register_arithmetic() {
  using namespace functors;
  add_numbers<kernels::neg, Neg, 1>();
  add_numbers<kernels::abs, Abs, 1>();
  add_numbers<kernels::sign, Sign, 1>();
  add_numbers<kernels::square, Square, 1>();
  add_numbers<kernels::add, Add, 2>();
  add_numbers<kernels::sub, Sub, 2>();
  add_numbers<kernels::mul, Mul, 2>();
  add_floats<kernels::div, Div, 2>();
  add_numbers<kernels::maximum, Maximum, 2>();
  add_numbers<kernels::minimum, Minimum, 2>();
  add_floats<kernels::sqrt, Sqrt, 1>();
  add_floats<kernels::rsqrt, Rsqrt, 1>();
  add_floats<kernels::reciprocal, Reciprocal, 1>();
  add_floats<kernels::floor, Floor, 1>();
  add_floats<kernels::ceil, Ceil, 1>();
  add_floats<kernels::round, Round, 1>();
  add_floats<kernels::trunc, Trunc, 1>();
}

}  // namespace sonde::cuda
