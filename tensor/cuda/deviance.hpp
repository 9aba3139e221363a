/// @file
/// The sum of squared deviations as an operation of tensor/cuda/reduce.hpp: blocks of elements are
/// measured in two sweeps over registers and joined (reduce_ops::Moments). All in f64.
#pragma once

#include "tensor/cuda/reduce.hpp"
#include "tensor/reduce_ops.hpp"

namespace sonde::cuda {

template <class T>
struct Deviance {
  using Element = T;
  using Result = T;
  using Total = reduce_ops::Moments;

  static __device__ Total identity() { return {0, 0, 0}; }
  static __device__ Total of(T x, std::int64_t) { return {1, static_cast<double>(x), 0}; }
  template <int n, int width>
  static __device__ Total of_block(const T (&x)[n], const Places<width>&) {
    double v[n], sum = 0, squares = 0;
#pragma unroll
    for (int e = 0; e < n; ++e) v[e] = static_cast<double>(x[e]), sum += v[e];
    const double mean = sum / n;
#pragma unroll
    for (int e = 0; e < n; ++e) squares += (v[e] - mean) * (v[e] - mean);
    return {n, mean, squares};
  }
  static __device__ Total combine(Total a, const Total& b) {
    a.join(b);
    return a;
  }
  static __device__ Result result(const Total& total) {
    return static_cast<T>(total.m2);
  }
};

}  // namespace sonde::cuda
