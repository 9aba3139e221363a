/// @file
/// Distributions as functions of a number uniform in [0, 1), by the parameters of their slots in
/// tensor/kernels/random.hpp.
#pragma once

#include <algorithm>
#include <cmath>

#include "tensor/functors/normal_quantile.hpp"
#include "tensor/kernels/random.hpp"

namespace sonde::functors {

/// a + b c, rounded twice: the same bits where the compiler would rather round once.
SONDE_HD inline double add_product(double a, double b, double c) {
#ifdef __CUDA_ARCH__
  return __dadd_rn(a, __dmul_rn(b, c));
#else
  return a + b * c;
#endif
}

struct Uniform {
  double from, width, largest;

  /// For results that are rounded to T: none of them is b.
  template <class T>
  static Uniform of(const kernels::RandomParams& p) {
    return {p.a, p.b - p.a, std::nextafter(static_cast<T>(p.b), static_cast<T>(p.a))};
  }
  SONDE_HD double operator()(double unit) const {
    const double value = add_product(from, width, unit);
    return largest < value ? largest : value;
  }
};

struct TruncatedNormal {
  double mean, deviation, least, most;  // of the result
  double low, high, from, mass;         // of the standard normal below the mean

  /// An interval above the mean is mirrored below it: there the distribution function keeps its
  /// relative precision.
  explicit TruncatedNormal(const kernels::RandomParams& p)
      : mean(p.a), deviation(p.c > p.a ? -p.b : p.b), least(p.c), most(p.d) {
    const bool mirrored = p.c > p.a;
    low = (mirrored ? p.a - p.d : p.c - p.a) / p.b;
    high = (mirrored ? p.a - p.c : p.d - p.a) / p.b;
    from = normal_probability(low);
    mass = normal_probability(high) - from;
  }
  SONDE_HD double operator()(double unit) const {
    const double z = clamped(normal_quantile(add_product(from, mass, unit)), low, high);
    return clamped(add_product(mean, deviation, z), least, most);
  }

 private:
  SONDE_HD static double clamped(double v, double lo, double hi) {
    return v < lo ? lo : hi < v ? hi : v;
  }
};

struct Bernoulli {
  double probability;
  SONDE_HD double operator()(double unit) const { return unit < probability ? 1 : 0; }
};

}  // namespace sonde::functors
