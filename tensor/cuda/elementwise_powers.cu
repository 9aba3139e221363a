#include "tensor/cuda/elementwise.hpp"
#include "tensor/cuda/elementwise_families.hpp"
#include "tensor/functors/arithmetic.hpp"

namespace sonde::cuda {

void register_powers() {
  using namespace functors;
  add_numbers<kernels::pow, Pow, 2, Weight::heavy>();
  add_numbers<kernels::fmod, Fmod, 2, Weight::heavy>();
  add_numbers<kernels::remainder, Remainder, 2, Weight::heavy>();
}

}  // namespace sonde::cuda
