#include "tensor/cuda/elementwise.hpp"
#include "tensor/cuda/elementwise_families.hpp"
#include "tensor/functors/activation.hpp"

namespace sonde::cuda {

void register_activations() {
  using namespace functors;
  add_floats<kernels::tanh, Tanh, 1, Weight::heavy>();
  add_floats<kernels::sigmoid, Sigmoid, 1, Weight::heavy>();
  add_floats<kernels::relu, Relu, 1>();
  add_floats<kernels::leaky_relu, LeakyRelu, 1>();
  add_floats<kernels::elu, Elu, 1, Weight::heavy>();
  add_floats<kernels::gelu, Gelu, 1, Weight::heavy>();
  add_floats<kernels::gelu_tanh, GeluTanh, 1, Weight::heavy>();
  add_floats<kernels::silu, Silu, 1, Weight::heavy>();
  add_floats<kernels::softplus, Softplus, 1, Weight::heavy>();
  add_floats<kernels::clamp, Clamp, 1>();
}

}  // namespace sonde::cuda
