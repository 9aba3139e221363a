/// @file
/// Activation functions as modules; the functions themselves, with their formulas, are in
/// autograd/ops/activation.hpp and math.hpp.
#pragma once

#include "autograd/ops/activation.hpp"
#include "autograd/ops/math.hpp"
#include "nn/module.hpp"
#include "nn/text.hpp"

namespace sonde::nn {

/// A function without options, element by element.
template <detail::StaticText name, Var (*f)(Operand)>
class Activation final : public Module {
 public:
  Var forward(Context&, Var x) const override { return f(std::move(x)); }
  std::string description() const override { return fmt::format("{}()", name.view()); }
};

using Relu = Activation<"Relu", relu>;
using Silu = Activation<"Silu", silu>;
using Sigmoid = Activation<"Sigmoid", sigmoid>;
using Tanh = Activation<"Tanh", tanh>;

/// x Phi(x), or its approximation by tanh.
class Gelu final : public Module {
 public:
  enum class Approximate { none, tanh };

  explicit Gelu(Approximate approximate = Approximate::none) : approximate_(approximate) {}
  Var forward(Context&, Var x) const override {
    return approximate_ == Approximate::tanh ? gelu_tanh(std::move(x)) : gelu(std::move(x));
  }
  std::string description() const override {
    return approximate_ == Approximate::tanh ? "Gelu(approximate=tanh)" : "Gelu()";
  }

 private:
  Approximate approximate_;
};

/// x above 0, negative_slope x below.
class LeakyRelu final : public Module {
 public:
  explicit LeakyRelu(double negative_slope = 0.01) : slope_(negative_slope) {}
  Var forward(Context&, Var x) const override { return leaky_relu(std::move(x), slope_); }
  std::string description() const override {
    return fmt::format("LeakyRelu(negative_slope={})", slope_);
  }

 private:
  double slope_;
};

/// x above 0, alpha (e^x - 1) below.
class Elu final : public Module {
 public:
  explicit Elu(double alpha = 1) : alpha_(alpha) {}
  Var forward(Context&, Var x) const override { return elu(std::move(x), alpha_); }
  std::string description() const override { return fmt::format("Elu(alpha={})", alpha_); }

 private:
  double alpha_;
};

/// log(1 + e^(beta x)) / beta; x itself where beta x > threshold. Error(value) at the first call
/// unless beta > 0.
class Softplus final : public Module {
 public:
  explicit Softplus(double beta = 1, double threshold = 20) : beta_(beta), threshold_(threshold) {}
  Var forward(Context&, Var x) const override { return softplus(std::move(x), beta_, threshold_); }
  std::string description() const override {
    return fmt::format("Softplus(beta={}, threshold={})", beta_, threshold_);
  }

 private:
  double beta_, threshold_;
};

}  // namespace sonde::nn
