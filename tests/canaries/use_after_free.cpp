// Planted fault: a pointer into a tensor outlives the tensor.
#include <cstdio>

#include "tensor/tensor.hpp"

int main() {
  const volatile float* data = nullptr;
  {
    const sonde::Tensor t = sonde::Tensor::zeros({1000}, sonde::DType::f32);
    data = t.data<float>();
  }
  std::printf("%f\n", data[0]);
}
