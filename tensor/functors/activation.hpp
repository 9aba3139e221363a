/// @file
/// Activations. Of one argument a functor is f(x), of two the product c f'(x); Tanh and Sigmoid
/// take y = f(x) in place of x for it. Scalar attributes come as the slots of
/// tensor/kernels/elementwise.hpp give them. At infinities and NaN as PyTorch.
#pragma once

#include <cmath>

#include "tensor/functors/host_device.hpp"

namespace sonde::functors {

/// s = 1 / (1 + e^-x) and 1 - s, each accurate for every x.
template <class T>
struct Logistic {
  T s, rest;
};
template <class T>
SONDE_HD Logistic<T> logistic(T x) {
  const T e = std::exp(-std::fabs(x)), large = T(1) / (T(1) + e), small = e / (T(1) + e);
  return x < T(0) ? Logistic<T>{small, large} : Logistic<T>{large, small};
}
/// Phi(x), the normal distribution function.
template <class T>
SONDE_HD T normal_cdf(T x) {
  return T(0.5) * std::erf(x * T(0.70710678118654752)) + T(0.5);
}

struct Tanh {
  template <class T>
  SONDE_HD T operator()(T x) const {
    return std::tanh(x);
  }
  template <class T>
  SONDE_HD T operator()(T c, T y) const {
    return c * (T(1) - y * y);
  }
};
struct Sigmoid {
  template <class T>
  SONDE_HD T operator()(T x) const {
    return logistic(x).s;
  }
  template <class T>
  SONDE_HD T operator()(T c, T y) const {
    return c * (y * (T(1) - y));
  }
};

/// NaN passes through, and its cotangent through the derivative.
struct Relu {
  template <class T>
  SONDE_HD T operator()(T x) const {
    return (*this)(x, x);
  }
  template <class T>
  SONDE_HD T operator()(T c, T x) const {
    return x <= T(0) ? T(0) : c;
  }
};
struct LeakyRelu {
  explicit LeakyRelu(const double* params) : slope(params[0]) {}
  template <class T>
  SONDE_HD T operator()(T x) const {
    return (*this)(x, x);
  }
  template <class T>
  SONDE_HD T operator()(T c, T x) const {
    return x > T(0) ? c : static_cast<T>(slope) * c;
  }
  double slope;
};
/// alpha (e^x - 1) below 0.
struct Elu {
  explicit Elu(const double* params) : alpha(params[0]) {}
  template <class T>
  SONDE_HD T operator()(T x) const {
    return x > T(0) ? x : static_cast<T>(alpha) * std::expm1(x);
  }
  template <class T>
  SONDE_HD T operator()(T c, T x) const {
    return x > T(0) ? c : c * (static_cast<T>(alpha) * std::exp(x));
  }
  double alpha;
};
/// NaN stays.
struct Clamp {
  explicit Clamp(const double* params) : low(params[0]), high(params[1]) {}
  template <class T>
  SONDE_HD T operator()(T x) const {
    const T l = static_cast<T>(low), h = static_cast<T>(high), above = x < l ? l : x;
    return above > h ? h : above;
  }
  template <class T>
  SONDE_HD T operator()(T c, T x) const {
    return x >= static_cast<T>(low) && x <= static_cast<T>(high) ? c : T(0);
  }
  double low, high;
};

/// f(x) = x Phi(x), f' = Phi + x phi.
struct Gelu {
  template <class T>
  SONDE_HD T operator()(T x) const {
    return x * normal_cdf(x);
  }
  template <class T>
  SONDE_HD T operator()(T c, T x) const {
    const T density = T(0.39894228040143268) * std::exp(T(-0.5) * (x * x));
    return c * (x * density + normal_cdf(x));
  }
};
/// f(x) = x (1 + tanh u) / 2 = x s(2u) with u = sqrt(2/pi) (x + 0.044715 x^3);
/// f' = s + x s (1 - s) 2u'.
struct GeluTanh {
  template <class T>
  SONDE_HD T operator()(T x) const {
    return x * gate(x).s;
  }
  template <class T>
  SONDE_HD T operator()(T c, T x) const {
    const Logistic<T> g = gate(x);
    const T inner = T(3 * slope * cubic) * (x * x) + T(slope);
    return c * (x * (g.s * g.rest) * inner + g.s);
  }

 private:
  static constexpr double slope = 2 * 0.79788456080286536, cubic = 0.044715;
  template <class T>
  SONDE_HD static Logistic<T> gate(T x) {
    return logistic(x * (T(slope * cubic) * (x * x) + T(slope)));
  }
};
/// f(x) = x s(x), f' = s (1 + x (1 - s)).
struct Silu {
  template <class T>
  SONDE_HD T operator()(T x) const {
    return x * logistic(x).s;
  }
  template <class T>
  SONDE_HD T operator()(T c, T x) const {
    const Logistic<T> g = logistic(x);
    return c * (g.s * (x * g.rest + T(1)));
  }
};
/// f(x) = log(1 + e^(beta x)) / beta, and x itself where beta x > threshold.
struct Softplus {
  explicit Softplus(const double* params) : beta(params[0]), threshold(params[1]) {}
  template <class T>
  SONDE_HD T operator()(T x) const {
    const T b = static_cast<T>(beta), z = b * x;
    const T curved = (z < T(0) ? T(0) : z) + std::log1p(std::exp(-std::fabs(z)));
    return z > static_cast<T>(threshold) ? x : curved / b;
  }
  template <class T>
  SONDE_HD T operator()(T c, T x) const {
    const T z = static_cast<T>(beta) * x;
    return z > static_cast<T>(threshold) ? c : c * logistic(z).s;
  }
  double beta, threshold;
};

}  // namespace sonde::functors
