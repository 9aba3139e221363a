// The Hessian of linear networks: the closed form against automatic differentiation, and its
// growth with the data.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "analysis/linear_mlp_hessian.hpp"
#include "tests/analysis/attention_cases.hpp"

namespace sonde {
namespace {

struct Network {
  Tensor inputs, target;
  Tensors weights;
};

// Layers without biases, uniform in +-1 / sqrt(width), as PyTorch draws them.
Tensors uniform_weights(std::size_t layers, std::int64_t width, std::int64_t outputs,
                        philox::Key key) {
  Tensors weights;
  for (std::size_t l = 0; l < layers; ++l)
    weights.push_back(nn::uniform_init({l + 1 < layers ? width : outputs, width},
                                       1 / std::sqrt(static_cast<double>(width)),
                                       philox::child(key, 2 + l), DType::f64));
  return weights;
}

Network network(std::size_t layers, std::int64_t width, std::int64_t outputs, std::uint64_t seed) {
  const philox::Key key{seed, 0};
  constexpr std::int64_t samples = 9;
  return {normal_f64({samples, width}, philox::child(key, 0)),
          normal_f64({samples, outputs}, philox::child(key, 1)),
          uniform_weights(layers, width, outputs, key)};
}

TEST(LinearMlpHessian, IsThatOfAutomaticDifferentiation) {
  for (std::size_t layers = 1; layers <= 5; ++layers)
    for (std::size_t l = 0; l < layers; ++l) {
      const Network n = network(layers, 5, 3, 10 * layers + l);
      const Function loss = [&](const Var& flat) {
        Var h = n.inputs;
        for (std::size_t i = 0; i < layers; ++i)
          h = matmul(h, i == l ? reshape(flat, n.weights[l].shape()) : Var(n.weights[i]),
                     {.b = true});
        return sum(square(h - n.target));
      };
      const Var at = reshape(n.weights[l], {n.weights[l].numel()});
      const Tensor h = hessian_by(HvpMode::forward_over_reverse, loss, at);
      const KroneckerProduct closed = linear_mlp_hessian_block(n.inputs, n.weights, l);
      EXPECT_LT(relative(dense(closed) - Var(h), h), 1e-12);
      EXPECT_NEAR(frobenius_norm(closed) / frobenius(h), 1, 1e-12);
    }
}

// The same data, ten times as large each time.
TEST(LinearMlpHessian, IsQuadraticInTheDataInEveryLayer) {
  for (std::size_t layers = 1; layers <= 5; ++layers)
    for (std::size_t l = 0; l < layers; ++l) {
      const Network n = network(layers, 16, 4, layers);
      const auto norm_at = [&](double sigma) {
        return frobenius_norm(
            linear_mlp_hessian_block((Var(n.inputs) * sigma).tensor(), n.weights, l));
      };
      for (const double sigma : {0.01, 0.1, 1.0})
        EXPECT_NEAR(std::log10(norm_at(10 * sigma) / norm_at(sigma)), 2, 1e-10);
    }
}

// Norms at standard normal embeddings of 12 tokens, as Ormaniec, Dangel and Singh measured them by
// sampling (mean of 20 repeats; width 128, 64 additions of five digits, six positions each): the
// closed form has no sampling error, but its data and weights are other draws.
constexpr std::int64_t width = 128, vocabulary = 12, equals = 11, additions = 64, positions = 6;

// One-hot tokens [additions * positions, vocabulary] at '=' and the first five digits of the sums.
Tensor addition_tokens(philox::Key key) {
  Tensor tokens = Tensor::zeros({additions * positions, vocabulary}, DType::f64);
  double* row = tokens.mutable_data<double>();
  for (std::int64_t i = 0; i < additions; ++i) {
    const auto term = [&](std::uint64_t half) {
      const std::uint64_t element = 2 * static_cast<std::uint64_t>(i) + half;
      return philox::below(key, element, philox::bits(key, element), 100000);
    };
    std::uint64_t sum = term(0) + term(1), unit = 100000;
    row[equals] = 1;
    row += vocabulary;
    for (int digit = 1; digit < positions; ++digit, unit /= 10, row += vocabulary)
      row[sum / unit % 10] = 1;
  }
  return tokens;
}

TEST(LinearMlpHessian, HasThePapersMagnitudes) {
  const std::vector<std::vector<double>> published = {
      {1.21e5}, {4.22e4, 4.15e4}, {1.50e4, 1.46e4, 1.42e4}};
  constexpr std::uint64_t repeats = 20;
  for (const std::vector<double>& layers : published) {
    std::vector<double> mean(layers.size());
    for (std::uint64_t repeat = 0; repeat < repeats; ++repeat) {
      const philox::Key key{repeat, layers.size()};
      const Var embedding = normal_f64({vocabulary, width}, philox::child(key, 0));
      const Tensor inputs = matmul(addition_tokens(philox::child(key, 1)), embedding).tensor();
      const Tensors weights = uniform_weights(layers.size(), width, vocabulary, key);
      for (std::size_t l = 0; l < layers.size(); ++l)
        mean[l] += frobenius_norm(linear_mlp_hessian_block(inputs, weights, l)) / repeats;
    }
    for (std::size_t l = 0; l < layers.size(); ++l)
      EXPECT_NEAR(mean[l] / layers[l], 1, 0.15) << layers.size() << " layers, layer " << l;
  }
}

TEST(LinearMlpHessian, WhatDoesNotFitIsRefused) {
  const Network n = network(2, 5, 3, 1);
  EXPECT_THROW(linear_mlp_hessian_block(n.inputs, n.weights, 2), Error);
  EXPECT_THROW(linear_mlp_hessian_block(n.target, n.weights, 1), Error);
}

}  // namespace
}  // namespace sonde
