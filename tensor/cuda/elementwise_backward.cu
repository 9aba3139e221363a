#include "tensor/cuda/elementwise.hpp"
#include "tensor/cuda/elementwise_families.hpp"
#include "tensor/functors/activation.hpp"

namespace sonde::cuda {

void register_activation_products() {
  using namespace functors;
  add_floats<kernels::tanh_backward, Tanh, 2>();
  add_floats<kernels::sigmoid_backward, Sigmoid, 2>();
  add_floats<kernels::relu_backward, Relu, 2>();
  add_floats<kernels::leaky_relu_backward, LeakyRelu, 2>();
  add_floats<kernels::elu_backward, Elu, 2, Weight::heavy>();
  add_floats<kernels::gelu_backward, Gelu, 2, Weight::heavy>();
  add_floats<kernels::gelu_tanh_backward, GeluTanh, 2, Weight::heavy>();
  add_floats<kernels::silu_backward, Silu, 2, Weight::heavy>();
  add_floats<kernels::softplus_backward, Softplus, 2, Weight::heavy>();
  add_floats<kernels::clamp_backward, Clamp, 2>();
}

}  // namespace sonde::cuda
