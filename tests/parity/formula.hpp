/// @file
/// Comparison with a fixture, which stores results only: weights and inputs come from the formula
/// of values.hpp.
#pragma once

#include <gtest/gtest.h>

#include <set>

#include "autograd/var.hpp"
#include "tensor/io_npz.hpp"
#include "tests/parity/values.hpp"
#include "tests/paths.hpp"

namespace sonde::testing {

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
    compared_.insert(key);
    ASSERT_EQ(to_string(value.shape()), to_string(array.shape())) << key;
    const auto expected = array.to_vector<double>();
    const auto actual = value.tensor().to(DType::f64).to_vector<double>();
    double worst = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      scale = std::max(scale, std::abs(expected[i]));
      const double difference = std::abs(actual[i] - expected[i]);
      worst = std::isnan(difference) ? difference : std::max(worst, difference);  // NaN stays
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

  /// Expects that every array whose key begins so has been compared.
  void expect_complete(const std::string& beginning) const {
    for (const auto& [key, array] : arrays_)
      if (key.starts_with(beginning))
        EXPECT_TRUE(compared_.contains(key)) << key << " is not compared";
  }

 private:
  NamedTensors arrays_;
  mutable std::set<std::string> compared_;
};

}  // namespace sonde::testing
