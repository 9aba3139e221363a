// The Hessian of linear networks: the closed form against automatic differentiation, and its
// growth with the data.
#include <gtest/gtest.h>

#include <cmath>

#include "analysis/linear_mlp_hessian.hpp"
#include "tests/analysis/attention_cases.hpp"

namespace sonde {
namespace {

struct Network {
  Tensor inputs, target;
  Tensors weights;
};

// `layers` layers of uniform weights in +-1 / sqrt(in), as PyTorch draws them.
Network network(std::size_t layers, std::int64_t width, std::int64_t outputs, std::uint64_t seed) {
  const philox::Key key{seed, 0};
  constexpr std::int64_t samples = 9;
  Network n{normal_f64({samples, width}, philox::child(key, 0)),
            normal_f64({samples, outputs}, philox::child(key, 1)),
            {}};
  for (std::size_t l = 0; l < layers; ++l)
    n.weights.push_back(nn::uniform_init({l + 1 < layers ? width : outputs, width},
                                         1 / std::sqrt(static_cast<double>(width)),
                                         philox::child(key, 2 + l), DType::f64));
  return n;
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

TEST(LinearMlpHessian, WhatDoesNotFitIsRefused) {
  const Network n = network(2, 5, 3, 1);
  EXPECT_THROW(linear_mlp_hessian_block(n.inputs, n.weights, 2), Error);
  EXPECT_THROW(linear_mlp_hessian_block(n.target, n.weights, 1), Error);
}

}  // namespace
}  // namespace sonde
