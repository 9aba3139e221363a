/// @file
/// Weights and inputs by a formula that tests/parity/formula.py has too, so that fixtures store
/// results only; and comparison with a fixture.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "autograd/var.hpp"
#include "nn/module.hpp"
#include "tensor/io_npz.hpp"
#include "tests/paths.hpp"

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

/// The arrays of tests/parity/<family>.npz.
class Fixture {
 public:
  explicit Fixture(const std::string& family)
      : arrays_(load_npz(source_dir() + "/tests/parity/" + family + ".npz")) {}

  const Tensor& operator[](const std::string& key) const {
    const auto found = arrays_.find(key);
    if (found == arrays_.end()) throw Error(ErrorCode::names, "fixture", "no array '" + key + "'");
    return found->second;
  }
  const NamedTensors& arrays() const { return arrays_; }

  /// Expects |value - array| <= tolerance * max(greatest entry of the array, scale) everywhere.
  /// `scale` is for arrays that are zero in theory: the greatest gradient.
  void expect_near(const std::string& key, const Var& value, double tolerance = 1e-10,
                   double scale = 0) const {
    const Tensor& array = (*this)[key];
    ASSERT_EQ(value.shape(), array.shape()) << key;
    const auto expected = array.to_vector<double>();
    const auto actual = value.tensor().to(DType::f64).to_vector<double>();
    double worst = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      scale = std::max(scale, std::abs(expected[i]));
      const double difference = std::abs(actual[i] - expected[i]);
      if (!(difference <= worst)) worst = difference;  // NaN is worst
    }
    EXPECT_LE(worst, tolerance * scale) << key;
  }

  /// Expects what Results.add_module of formula.py stored: `f`'s output at `inputs`, and its
  /// gradients along uniform(key + ".cotangent"), for the module's parameters and the floating
  /// inputs.
  void expect_module(const std::string& key, const nn::Module& module,
                     const std::function<Var(nn::Context&, const Vars&)>& f, const Vars& inputs,
                     nn::CallOptions options = {}, double tolerance = 1e-10) const {
    const auto named = module.named_parameters();
    Vars all = inputs;
    for (const auto& p : named) all.push_back(p.handle->value);
    const Function of_all = [&](const Vars& v) {
      Vars x, parameters;
      for (std::size_t i = 0; i < v.size(); ++i)
        (i < inputs.size() ? x : parameters).push_back(v[i]);
      nn::Context ctx(module, parameters, options);
      return f(ctx, x);
    };
    VjpResult r = vjp(of_all, all);
    expect_near(key + ".out", r.out[0], tolerance);
    const Vars grads =
        r.pullback.consume(make_vars(uniform_values(key + ".cotangent", r.out[0].shape())));
    double scale = 0;  // the greatest gradient
    for (const auto& [name, array] : arrays_)
      if (name.starts_with(key + ".grad."))
        for (const double g : array.to_vector<double>()) scale = std::max(scale, std::abs(g));
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!is_differentiable(all[i].dtype())) continue;
      const std::string name =
          i < inputs.size() ? fmt::format("in{}", i) : named[i - inputs.size()].path;
      expect_near(key + ".grad." + name,
                  grads[i] ? grads[i] : Var(Tensor::zeros(all[i].shape(), DType::f64)), tolerance,
                  scale);
    }
  }

 private:
  NamedTensors arrays_;
};

}  // namespace sonde::testing
