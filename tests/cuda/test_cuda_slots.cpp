// Every kernel that the CPU has is there on the device too, for the same element types.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <tuple>

#include "tensor/kernels/attention.hpp"
#include "tensor/kernels/conv.hpp"
#include "tensor/kernels/elementwise.hpp"
#include "tensor/kernels/index.hpp"
#include "tensor/kernels/linalg.hpp"
#include "tensor/kernels/lstm.hpp"
#include "tensor/kernels/matmul.hpp"
#include "tensor/kernels/optim.hpp"
#include "tensor/kernels/random.hpp"
#include "tensor/kernels/reduce.hpp"
#include "tensor/kernels/softmax_norm.hpp"
#include "tests/cuda/both.hpp"
#include "tests/paths.hpp"

namespace sonde::testing {
namespace {

const auto slots = std::tie(
    kernels::attention, kernels::attention_grad, kernels::conv2d, kernels::conv2d_input_grad,
    kernels::conv2d_weight_grad, kernels::max_pool2d, kernels::avg_pool2d, kernels::avg_pool2d_grad,
    kernels::copy, kernels::neg, kernels::abs, kernels::sign, kernels::square, kernels::sqrt,
    kernels::rsqrt, kernels::reciprocal, kernels::floor, kernels::ceil, kernels::round,
    kernels::trunc, kernels::exp, kernels::expm1, kernels::log, kernels::log1p, kernels::sin,
    kernels::cos, kernels::tan, kernels::tanh, kernels::sinh, kernels::cosh, kernels::asin,
    kernels::acos, kernels::atan, kernels::erf, kernels::erfc, kernels::sigmoid, kernels::relu,
    kernels::leaky_relu, kernels::elu, kernels::gelu, kernels::gelu_tanh, kernels::silu,
    kernels::softplus, kernels::clamp, kernels::tanh_backward, kernels::sigmoid_backward,
    kernels::relu_backward, kernels::leaky_relu_backward, kernels::elu_backward,
    kernels::gelu_backward, kernels::gelu_tanh_backward, kernels::silu_backward,
    kernels::softplus_backward, kernels::clamp_backward, kernels::add, kernels::sub, kernels::mul,
    kernels::div, kernels::maximum, kernels::minimum, kernels::pow, kernels::fmod,
    kernels::remainder, kernels::atan2, kernels::eq, kernels::ne, kernels::lt, kernels::le,
    kernels::gt, kernels::ge, kernels::logical_not, kernels::logical_and, kernels::logical_or,
    kernels::logical_xor, kernels::isnan, kernels::isinf, kernels::isfinite, kernels::where,
    kernels::gather, kernels::scatter_add, kernels::take, kernels::take_add, kernels::one_hot,
    kernels::sort, kernels::cholesky, kernels::eigh, kernels::svd, kernels::qr,
    kernels::triangular_solve, kernels::solve, kernels::inverse, kernels::slogdet, kernels::det,
    kernels::lstm_cell, kernels::lstm_cell_grad, kernels::lstm, kernels::lstm_grad, kernels::matmul,
    kernels::sgd_step, kernels::adam_step, kernels::rmsprop_step, kernels::sum_of_squares,
    kernels::random_uniform, kernels::random_normal, kernels::random_truncated_normal,
    kernels::random_bernoulli, kernels::random_integers, kernels::random_permutation,
    kernels::split_keys, kernels::fold_keys, kernels::sum, kernels::prod, kernels::deviance,
    kernels::amax, kernels::amin, kernels::any, kernels::all, kernels::argmax, kernels::argmin,
    kernels::cumsum, kernels::softmax, kernels::log_softmax, kernels::softmax_grad,
    kernels::log_softmax_grad, kernels::cross_entropy, kernels::cross_entropy_grad,
    kernels::normalize, kernels::normalize_grad);

template <class K>
bool has(K& slot, Device device, DType dtype) {
  try {
    return slot.find(device, dtype) != nullptr;
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kernel);
    return false;
  }
}

template <class K>
void expect_same_types(K& slot) {
  for (int i = 0; i < dtype_count; ++i) {
    const auto dtype = static_cast<DType>(i);
    if (has(slot, Device{}, dtype))
      EXPECT_TRUE(has(slot, gpu, dtype)) << slot.op() << " lacks " << to_string(dtype);
  }
}

TEST(CudaSlots, EveryKernelOfTheCpuIsThere) {
  std::apply([](auto&... slot) { (expect_same_types(slot), ...); }, slots);
}

// The list above is whole.
TEST(CudaSlots, NoSlotIsForgotten) {
  std::size_t declared = 0;
  const std::string words = "inline Kernel<";
  for (const auto& entry : std::filesystem::directory_iterator(source_dir() + "/tensor/kernels")) {
    std::ifstream file(entry.path());
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    for (std::size_t at = text.find(words); at != std::string::npos; at = text.find(words, at + 1))
      ++declared;
  }
  EXPECT_EQ(declared, std::tuple_size_v<decltype(slots)>);
}

}  // namespace
}  // namespace sonde::testing
