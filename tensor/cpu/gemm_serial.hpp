/// @file
/// One product on one thread: blocking, packing and the choice between the own kernel and OpenBLAS.
/// Private to gemm.cpp.
#pragma once

#include "tensor/cpu/gemm.hpp"
#include "tensor/tensor.hpp"

namespace sonde::cpu {

/// C = start + A B. `start` points to a matrix of C's shape with rows `start_row` apart: null for
/// zeros, C itself, or a bias with start_row = 0.
template <class T>
struct Product {
  Matrix<const T> a, b;
  Matrix<T> c;
  const T* start = nullptr;
  std::int64_t start_row = 0;
};

/// Packing space that grows on demand and is used again by the next product.
template <class T>
class GemmScratch {
 public:
  T* get(std::int64_t count) {
    if (!memory_ || memory_.numel() < count) memory_ = Tensor::empty({count}, dtype_of<T>);
    return memory_.data<T>();
  }

 private:
  Tensor memory_;
};

/// The own kernel gives the same bits however C is cut into tiles; OpenBLAS promises nothing of the
/// kind.
enum class GemmMethod { own, blas };
GemmMethod gemm_method(std::int64_t m, std::int64_t n, std::int64_t k);

template <class T>
void multiply(const Product<T>& product, GemmMethod method, GemmScratch<T>& scratch);

}  // namespace sonde::cpu
