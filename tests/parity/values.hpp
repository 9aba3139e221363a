/// @file
/// Weights and inputs by a formula that tests/parity/values.py has too.
#pragma once

#include <cmath>
#include <string>

#include "nn/module.hpp"

namespace sonde::testing {

/// FNV-1a, 64 bits.
inline std::uint64_t hash_name(std::string_view name) {
  std::uint64_t h = 0xCBF29CE484222325u;
  for (const char c : name) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return h;
}

/// Output i of SplitMix64 from the state hash_name(name).
inline std::uint64_t word(std::uint64_t hash, std::int64_t i) {
  std::uint64_t z = hash + static_cast<std::uint64_t>(i + 1) * 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

/// f64 in [-1, 1), a function of name and position.
inline Tensor uniform_values(std::string_view name, const Dims& shape) {
  Tensor out = Tensor::empty(shape, DType::f64);
  const std::uint64_t hash = hash_name(name);
  for (std::int64_t i = 0; i < out.numel(); ++i)
    out.data<double>()[i] = static_cast<double>(word(hash, i) >> 11) * 0x1p-52 - 1.0;
  return out;
}

/// i64 in [0, bound).
inline Tensor integer_values(std::string_view name, const Dims& shape, std::uint64_t bound) {
  Tensor out = Tensor::empty(shape, DType::i64);
  const std::uint64_t hash = hash_name(name);
  for (std::int64_t i = 0; i < out.numel(); ++i)
    out.data<std::int64_t>()[i] = static_cast<std::int64_t>(word(hash, i) % bound);
  return out;
}

/// A parameter or buffer by its name and shape: matrices of variance 1 / fan-in, gains and
/// variances near 1, biases near 0.
inline Tensor weight_values(const std::string& name, const Dims& shape) {
  Tensor u = uniform_values(name, shape);
  const std::string last = name.substr(name.rfind('.') + 1);
  double shift = 0, scale = 0.1;
  if (last == "running_var")
    shift = 1, scale = 0.3;
  else if (shape.rank() >= 2)
    scale = std::sqrt(3.0 / (static_cast<double>(numel(shape)) / static_cast<double>(shape[0])));
  else if (last == "weight")
    shift = 1, scale = 0.2;
  for (std::int64_t i = 0; i < u.numel(); ++i)
    u.data<double>()[i] = shift + scale * u.data<double>()[i];
  return u;
}

/// Gives every floating parameter and buffer its value by the formula, in f64.
inline void fill(nn::Module& module) {
  module.convert(DType::f64);
  for (const auto& entries : {module.named_parameters(), module.named_buffers()})
    for (const auto& [path, handle] : entries)
      if (is_differentiable(handle->value.dtype()))
        handle->value.copy_from(weight_values(path, handle->value.shape()));
}

}  // namespace sonde::testing
