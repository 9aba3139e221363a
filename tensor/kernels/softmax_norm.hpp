/// @file
/// Kernel slots of row-wise operations: softmax, cross-entropy, normalisation. All work in f32 and
/// f64, on any strides.
#pragma once

#include <array>

#include "tensor/kernel.hpp"
#include "tensor/tensor.hpp"

namespace sonde::kernels {

/// y = softmax or log-softmax of x along `axis`.
using Softmax = Tensor(const Tensor& x, int axis);
inline Kernel<Softmax> softmax{"softmax"};
inline Kernel<Softmax> log_softmax{"log_softmax"};

/// Cotangent of x from the output y and its cotangent ct (same shape):
/// softmax: y (ct - <y, ct>); log-softmax: ct - exp(y) <1, ct>.
using SoftmaxGrad = Tensor(const Tensor& y, const Tensor& ct, int axis);
inline Kernel<SoftmaxGrad> softmax_grad{"softmax_grad"};
inline Kernel<SoftmaxGrad> log_softmax_grad{"log_softmax_grad"};

/// Targets equal to ignore_index count nothing; label smoothing s moves the mass s from the target
/// to all classes alike.
struct CrossEntropy {
  int axis = 1;
  std::int64_t ignore_index = -100;
  double label_smoothing = 0;
  bool with_target = true;  ///< of the gradient: false leaves q out
};
/// {loss, logsumexp, counted} of each row: loss = lse - (1-s) x[target] - s mean(x); 0 and not
/// counted (0 instead of 1) where ignored. `target` (i64) has x's shape without the axis.
/// Error(value) on a target outside the classes.
using CrossEntropyLoss = std::array<Tensor, 3>(const Tensor& x, const Tensor& target,
                                               const CrossEntropy& attributes);
inline Kernel<CrossEntropyLoss> cross_entropy{"cross_entropy"};
/// Cotangent of x: (exp(x - lse) - q) ct, where q is the smoothed one-hot target and ct one number
/// per row.
using CrossEntropyGrad = Tensor(const Tensor& x, const Tensor& target, const Tensor& lse,
                                const Tensor& ct, const CrossEntropy& attributes);
inline Kernel<CrossEntropyGrad> cross_entropy_grad{"cross_entropy_grad"};

/// Normalisation of x [lanes, outer, middle, groups, inner]: mean and variance are taken over
/// middle and inner, the weight and the bias [lanes or 1, groups, inner] are shared by outer and
/// middle. Thus
///   layer and RMS norm of rows          [1, rows, 1, 1, size]
///   batch norm, channels last           [1, 1, N*H*W, C, 1]
///   group and instance norm, same       [1, N, H*W, groups, C/groups].
struct Normalize {
  double eps = 1e-5;
  bool center = true;  ///< false: RMS norm; the mean is not subtracted and counts as 0
};
/// {y, mean, rstd}: y = (x - mean) rstd weight + bias, rstd = (var + eps)^-1/2; mean and rstd are
/// [lanes, outer, 1, groups, 1]. Weight and bias may each be an empty Tensor: 1 and 0.
using NormalizeForward = std::array<Tensor, 3>(const Tensor& x, const Tensor& weight,
                                               const Tensor& bias, const Normalize& attributes);
inline Kernel<NormalizeForward> normalize{"normalize"};

/// What the backward kernel works from. With an empty mean, x is the normalised value itself.
struct NormalizeSaved {
  Tensor x, weight, mean, rstd;
};
/// {dx, dweight, dbias}; the last two are [lanes, groups, inner], and empty unless `parameters`.
///   dx = rstd (g - mean(g) - xhat mean(g xhat)), g = ct weight, the means over middle and inner
///   (mean(g) only if center).
using NormalizeBackward = std::array<Tensor, 3>(const NormalizeSaved& saved, const Tensor& ct,
                                                const Normalize& attributes, bool parameters);
inline Kernel<NormalizeBackward> normalize_grad{"normalize_grad"};

}  // namespace sonde::kernels
