/// @file
/// The rules of optimisers for one element, in the order of operations of the CPU's: a product that
/// is added is rounded with the sum (fma). Coefficients are rounded to T on the host.
#pragma once

#include <cuda_runtime.h>

#include "tensor/kernels/optim.hpp"

namespace sonde::cuda {

/// g = sign grad + weight_decay p.
template <class T>
struct Decay {
  T weight_decay, sign;
  __device__ T operator()(T p, T grad) const { return fma(weight_decay, p, sign * grad); }
};

// Each rule has: `uses(k)`, whether it keeps state k; the new parameter, of the old one, the
// gradient and the states, which it changes.

template <class T, bool has_momentum>
struct SgdRule {
  using Coefficients = kernels::SgdCoefficients;
  static constexpr bool uses(int k) { return has_momentum && k == 0; }
  Decay<T> decay;
  T lr, momentum, fresh;
  bool nesterov;
  explicit SgdRule(const Coefficients& c)
      : decay{T(c.weight_decay), T(c.sign)},
        lr(T(c.lr)),
        momentum(T(c.momentum)),
        fresh(T(c.fresh)),
        nesterov(c.nesterov) {}
  __device__ T operator()(T p, T grad, T (&s)[3]) const {
    T step = decay(p, grad);
    if constexpr (has_momentum) {
      const T g = step;
      s[0] = fma(momentum, s[0], fresh * g);
      step = nesterov ? fma(momentum, s[0], g) : s[0];
    }
    return fma(-lr, step, p);
  }
};

template <class T, bool amsgrad>
struct AdamRule {
  using Coefficients = kernels::AdamCoefficients;
  static constexpr bool uses(int k) { return amsgrad || k < 2; }
  Decay<T> decay;
  T fresh1, beta2, fresh2, eps, shrink, step, root;
  explicit AdamRule(const Coefficients& c)
      : decay{T(c.weight_decay), T(c.sign)},
        fresh1(T(1 - c.beta1)),
        beta2(T(c.beta2)),
        fresh2(T(1 - c.beta2)),
        eps(T(c.eps)),
        shrink(T(c.shrink)),
        step(T(c.step)),
        root(T(c.root)) {}
  __device__ T operator()(T p, T grad, T (&s)[3]) const {
    const T g = decay(p, grad);
    s[0] = fma(fresh1, g - s[0], s[0]);
    s[1] = fma(beta2, s[1], fresh2 * (g * g));
    if constexpr (amsgrad) s[2] = s[2] < s[1] ? s[1] : s[2];
    const T size = fma(sqrt(s[amsgrad ? 2 : 1]), root, eps);
    return fma(-step, s[0] / size, shrink * p);
  }
};

template <class T, bool centered, bool has_momentum>
struct RmsPropRule {
  using Coefficients = kernels::RmsPropCoefficients;
  static constexpr bool uses(int k) { return k == 0 || (k == 1 ? centered : has_momentum); }
  Decay<T> decay;
  T lr, alpha, fresh, eps, momentum;
  explicit RmsPropRule(const Coefficients& c)
      : decay{T(c.weight_decay), T(c.sign)},
        lr(T(c.lr)),
        alpha(T(c.alpha)),
        fresh(T(1 - c.alpha)),
        eps(T(c.eps)),
        momentum(T(c.momentum)) {}
  __device__ T operator()(T p, T grad, T (&s)[3]) const {
    const T g = decay(p, grad);
    s[0] = fma(alpha, s[0], fresh * (g * g));
    T variance = s[0];
    if constexpr (centered) {
      s[1] = fma(fresh, g - s[1], s[1]);
      variance = fma(-s[1], s[1], s[0]);
    }
    T step = g / (sqrt(variance) + eps);
    if constexpr (has_momentum) step = s[2] = fma(momentum, s[2], step);
    return fma(-lr, step, p);
  }
};

}  // namespace sonde::cuda
