#include "tensor/cuda/elementwise.hpp"
#include "tensor/cuda/elementwise_families.hpp"
#include "tensor/functors/math.hpp"

namespace sonde::cuda {

void register_math() {
  using namespace functors;
  add_floats<kernels::exp, Exp, 1, Weight::heavy>();
  add_floats<kernels::expm1, Expm1, 1, Weight::heavy>();
  add_floats<kernels::log, Log, 1, Weight::heavy>();
  add_floats<kernels::log1p, Log1p, 1, Weight::heavy>();
  add_floats<kernels::erf, Erf, 1, Weight::heavy>();
  add_floats<kernels::erfc, Erfc, 1, Weight::heavy>();
  add_floats<kernels::sinh, Sinh, 1, Weight::heavy>();
  add_floats<kernels::cosh, Cosh, 1, Weight::heavy>();
}

}  // namespace sonde::cuda
