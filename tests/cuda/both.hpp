/// @file
/// One tensor on both devices: the CPU's kernels are the reference of the CUDA backend's.
#pragma once

#include <gtest/gtest.h>

#include <functional>

#include "tensor/tensor.hpp"

namespace sonde::testing {

inline constexpr Device gpu{DeviceType::cuda, 0};

/// The same view of the same storage on the device: strides (negative ones and zeros too) and
/// offset are kept.
Tensor there(const Tensor& t);
Tensors there(std::span<const Tensor> ts);

/// Elements drawn from a normal distribution (integers: -9 to 9, bool: even chances), row-major on
/// the CPU; a function of shape, dtype and seed.
Tensor drawn(const Dims& shape, DType dtype = DType::f32, std::uint64_t seed = 0);

/// The largest finite magnitude, at least 1e-30.
double largest(const Tensor& on_cpu);

/// Shape, dtype and every bit agree (all NaNs are one).
void expect_equal(const Tensor& on_cpu, const Tensor& on_gpu);
/// Shape and dtype agree, and |a - b| <= tolerance * largest(a) everywhere; NaN and infinities in
/// the same places.
void expect_close(const Tensor& on_cpu, const Tensor& on_gpu, double tolerance);

/// What `f` throws, which must be an Error.
Error thrown_by(const std::function<void()>& f);
inline ErrorCode code_of(const std::function<void()>& f) {
  return thrown_by(f).code();
}
inline std::string message_of(const std::function<void()>& f) {
  return thrown_by(f).what();
}

}  // namespace sonde::testing
