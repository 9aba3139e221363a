/// @file
/// Kernel slots of optimisers: one call updates all parameters of a step.
#pragma once

#include <array>
#include <span>

#include "tensor/kernel.hpp"
#include "tensor/tensor.hpp"

namespace sonde::kernels {

/// One parameter's part in a step; all its tensors are row-major, of one shape and dtype. Without a
/// gradient it stays as it is.
struct ParameterStep {
  Tensor parameter, grad;
  std::array<Tensor, 3> state;   ///< by the places named at the slot; empty where the rule has none
  std::size_t coefficients = 0;  ///< index of the numbers of its rule
};

/// Updates, in place, the parameters whose dtype is the kernel's. No two of them overlap.
template <class Coefficients>
using OptimizerStep = void(std::span<ParameterStep> parameters,
                           std::span<const Coefficients> coefficients);

/// g = sign grad + weight_decay p;  b = momentum b + fresh g;  d = b, or g + momentum b (Nesterov);
/// p -= lr d. Without b: d = g.
struct SgdCoefficients {
  double lr = 0, momentum = 0, fresh = 1, weight_decay = 0, sign = 1;
  bool nesterov = false;
};
inline Kernel<OptimizerStep<SgdCoefficients>> sgd_step{"sgd_step"};  // state {b}

/// g = sign grad + weight_decay p;  m += (1 - beta1) (g - m);  v = beta2 v + (1 - beta2) g^2;
/// p = shrink p - step m / (sqrt(v) root + eps). With w: w = max(w, v) in place of v.
struct AdamCoefficients {
  double beta1 = 0, beta2 = 0, eps = 0, weight_decay = 0, sign = 1;
  double shrink = 1, step = 0, root = 1;
};
inline Kernel<OptimizerStep<AdamCoefficients>> adam_step{"adam_step"};  // state {m, v, w}

/// g = sign grad + weight_decay p;  v = alpha v + (1 - alpha) g^2;  d = g / (sqrt(v) + eps);
/// p -= lr d. With a: a += (1 - alpha) (g - a) and v - a^2 in place of v. With b:
/// b = momentum b + d in place of d.
struct RmsPropCoefficients {
  double lr = 0, alpha = 0, eps = 0, weight_decay = 0, momentum = 0, sign = 1;
};
inline Kernel<OptimizerStep<RmsPropCoefficients>> rmsprop_step{"rmsprop_step"};  // state {v, a, b}

/// The sum of the squares of all elements of all row-major tensors, in f64; looked up by their
/// dtype. Waits for a device.
using SumOfSquares = double(std::span<const Tensor> tensors);
inline Kernel<SumOfSquares> sum_of_squares{"sum_of_squares"};

}  // namespace sonde::kernels
