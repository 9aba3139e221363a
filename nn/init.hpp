/// @file
/// Initial values of parameters.
#pragma once

#include "tensor/philox.hpp"
#include "tensor/tensor.hpp"

namespace sonde::nn {

/// Uniform in [-bound, bound).
Tensor uniform_init(const Dims& shape, double bound, philox::Key key, DType dtype = DType::f32);

/// He's uniform initialisation for a leaky ReLU of slope `a`: bound = sqrt(6 / ((1 + a^2) fan_in)),
/// with fan_in the product of all sizes but the first (weights are [out, in, ...]). PyTorch's
/// layers use a = sqrt(5), which makes the bound 1 / sqrt(fan_in). He, Zhang, Ren, Sun, "Delving
/// deep into rectifiers", 2015. Error(shape) below rank 2 or for fan_in 0.
Tensor kaiming_uniform(const Dims& shape, double a, philox::Key key, DType dtype = DType::f32);

}  // namespace sonde::nn
