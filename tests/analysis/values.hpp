// Random values in f64, and how far two are apart.
#pragma once

#include "autograd/ops.hpp"
#include "nn/init.hpp"

namespace sonde::testing {

/// Standard normal.
inline Tensor random(const Dims& shape, std::uint64_t seed) {
  return nn::normal_init(shape, 0, 1, {seed, 0}, DType::f64);
}
/// The greatest |a_i|.
inline double largest(const Var& a) {
  return amax(abs(a)).item();
}
inline double distance(const Var& a, const Var& b) {
  return largest(a - b);
}

}  // namespace sonde::testing
