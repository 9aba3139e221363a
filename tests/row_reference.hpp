/// @file
/// Helpers of the tests of row-wise kernels: random tensors, comparison with plain loops in double.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

#include "tensor/parallel.hpp"
#include "tensor/tensor.hpp"

namespace sonde::test {

/// Normal numbers, the same ones for the same seed.
inline Tensor random_tensor(const Dims& shape, DType dtype, unsigned seed, double mean = 0) {
  std::mt19937_64 bits(seed);
  std::normal_distribution<double> normal(mean, 1);
  Tensor t = Tensor::empty(shape, DType::f64);
  auto* p = t.data<double>();
  for (std::int64_t i = 0; i < t.numel(); ++i) p[i] = normal(bits);
  return t.to(dtype);
}

inline double tolerance(DType dtype) {
  return dtype == DType::f32 ? 2e-5 : 1e-12;
}

/// |got - expected| <= tolerance (1 + |expected|), element by element in row-major order.
inline void expect_close(const Tensor& got, const std::vector<double>& expected, double tolerance) {
  const auto values = got.to_vector<double>();
  ASSERT_EQ(values.size(), expected.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    ASSERT_NEAR(values[i], expected[i], tolerance * (1 + std::abs(expected[i]))) << "element " << i;
}
inline void expect_close(const Tensor& got, const Tensor& expected, double tolerance) {
  ASSERT_EQ(got.shape(), expected.shape());
  expect_close(got, expected.to_vector<double>(), tolerance);
}

/// The same bits with 1, 2 and 3 threads.
inline void expect_same_for_any_threads(const std::function<Tensor()>& run) {
  const int before = threads();
  std::vector<std::vector<double>> results;
  for (int n : {1, 2, 3}) {
    set_threads(n);
    results.push_back(run().to_vector<double>());
  }
  set_threads(before);
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

}  // namespace sonde::test
