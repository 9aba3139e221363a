// Planted fault: one element behind the end of a tensor is read.
#include <cstdio>

#include "tensor/tensor.hpp"

int main() {
  const sonde::Tensor t = sonde::Tensor::zeros({1000}, sonde::DType::f32);
  const volatile float* data = t.data<float>();
  std::printf("%f\n", data[t.numel()]);
}
