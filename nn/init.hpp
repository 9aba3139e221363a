/// @file
/// Initial values of parameters, as functions of a key. Weights are [out, in, ...]; their fan-in is
/// the product of all sizes but the first, their fan-out that of all but the second. Constants are
/// Tensor::full.
#pragma once

#include "tensor/philox.hpp"
#include "tensor/tensor.hpp"

namespace sonde::nn {

/// Uniform in [-bound, bound).
Tensor uniform_init(const Dims& shape, double bound, philox::Key key, DType dtype = DType::f32);
/// Normal.
Tensor normal_init(const Dims& shape, double mean, double std, philox::Key key,
                   DType dtype = DType::f32);

struct TruncatedNormalOptions {
  double mean = 0, std = 1;
  double low = -2, high = 2;  ///< bounds of the values themselves, not in units of std
};
/// Normal, kept within [low, high]. Error(value) unless std > 0 and low <= high.
Tensor truncated_normal_init(const Dims& shape, philox::Key key,
                             TruncatedNormalOptions options = {}, DType dtype = DType::f32);

enum class Nonlinearity { linear, sigmoid, tanh, relu, leaky_relu, selu };
/// What a layer before the non-linearity is scaled by, so that its output keeps the variance of its
/// input: 1 (linear, sigmoid), 5/3 (tanh), sqrt(2) (ReLU), sqrt(2 / (1 + a^2)) (leaky ReLU of slope
/// a), 3/4 (SELU). As PyTorch's calculate_gain.
double gain(Nonlinearity nonlinearity, double a = 0.01);

/// Uniform in gain * sqrt(6 / (fan_in + fan_out)) [-1, 1). Glorot and Bengio, "Understanding the
/// difficulty of training deep feedforward neural networks", 2010. Error(shape) below rank 2 or for
/// fans of 0.
Tensor xavier_uniform(const Dims& shape, philox::Key key, double gain = 1,
                      DType dtype = DType::f32);
/// Normal of variance 2 gain^2 / (fan_in + fan_out). Errors as xavier_uniform.
Tensor xavier_normal(const Dims& shape, philox::Key key, double gain = 1, DType dtype = DType::f32);

enum class Fan { in, out };
struct KaimingOptions {
  double a = 0;        ///< slope of the leaky ReLU
  Fan mode = Fan::in;  ///< keeps the variance forward (in) or backward (out)
  Nonlinearity nonlinearity = Nonlinearity::leaky_relu;
  DType dtype = DType::f32;
};
/// Uniform in gain(nonlinearity, a) * sqrt(3 / fan) [-1, 1). PyTorch's layers use a = sqrt(5),
/// which makes the bound 1 / sqrt(fan_in). He, Zhang, Ren, Sun, "Delving deep into rectifiers",
/// 2015. Errors as xavier_uniform.
Tensor kaiming_uniform(const Dims& shape, philox::Key key, KaimingOptions options = {});
/// Normal of variance gain(nonlinearity, a)^2 / fan. Errors as xavier_uniform.
Tensor kaiming_normal(const Dims& shape, philox::Key key, KaimingOptions options = {});

/// gain times a matrix [out, rest] with orthonormal rows or columns, whichever are fewer, uniformly
/// distributed (Saxe, McClelland and Ganguli 2013, arXiv:1312.6120). Error(shape) below rank 2 or
/// without elements.
Tensor orthogonal_init(const Dims& shape, philox::Key key, double gain = 1,
                       DType dtype = DType::f32);

}  // namespace sonde::nn
