// How the blocks of attention's Hessian grow with the data, X = sigma N(0, 1): slopes of log
// |block| by log sigma. A token counts 1, C_i 2, a third moment 3, a residual 0 while the output is
// small beside the target.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "analysis/statistics.hpp"
#include "tests/analysis/attention_cases.hpp"

namespace sonde {
namespace {

constexpr LayerShape shape{6, 8, 8, 8};
constexpr std::uint64_t seeds = 10;
constexpr int sigmas = 6;

constexpr std::array<const char*, 6> names{"VV", "QQ", "KK", "QK", "VQ", "VK"};
using Values = std::array<double, 6>;  // in that order

// Frobenius norms of the blocks of H_o or H_f.
Values norms(const Tensor& h, const Space& space) {
  const auto of = [&](const char* r, const char* c) { return frobenius(block_of(h, space, r, c)); };
  return {of("W_V", "W_V"), of("W_Q", "W_Q"), of("W_K", "W_K"),
          of("W_Q", "W_K"), of("W_V", "W_Q"), of("W_V", "W_K")};
}

struct Parts {
  Values outer{}, functional{};
};

// Means over the seeds, with the same tokens and weights for every sigma.
Parts mean_norms(double sigma, const AttentionOptions& options) {
  Parts mean;
  const double weight_std = 1 / std::sqrt(static_cast<double>(shape.d));
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    const AttentionLayer layer = random_layer(shape, seed, sigma, options, weight_std);
    const AttentionHessianTerms t = attention_hessian_terms(
        layer, row_loss(*mse_loss(random_target(shape, seed)), attention_output(layer)));
    const Values outer = norms(outer_product_hessian(t), t.space),
                 functional = norms(functional_hessian(t), t.space);
    for (std::size_t b = 0; b < names.size(); ++b) {
      mean.outer[b] += outer[b] / seeds;
      mean.functional[b] += functional[b] / seeds;
    }
  }
  return mean;
}

// Slopes of all blocks; NaN for a block that is 0, and `none` stands for that in a law.
constexpr double none = -1;

Parts slopes(double low, double high, const AttentionOptions& options) {
  std::vector<double> at;
  std::vector<Parts> means;
  for (int i = 0; i < sigmas; ++i) {
    at.push_back(std::log(low) + i * std::log(high / low) / (sigmas - 1));
    means.push_back(mean_norms(std::exp(at.back()), options));
  }
  const auto of = [&](Values Parts::*part, std::size_t block) {
    std::vector<double> logs;
    for (const Parts& m : means) logs.push_back(std::log((m.*part)[block]));
    return slope(at, logs);
  };
  Parts out;
  for (std::size_t b = 0; b < names.size(); ++b) {
    out.outer[b] = of(&Parts::outer, b);
    out.functional[b] = of(&Parts::functional, b);
  }
  return out;
}

void expect_slopes(const Values& slopes, const Values& law, double tolerance) {
  for (std::size_t b = 0; b < names.size(); ++b)
    if (law[b] == none)
      EXPECT_FALSE(std::isfinite(slopes[b])) << names[b];
    else
      EXPECT_NEAR(slopes[b], law[b], tolerance) << names[b];
}

TEST(AttentionGrowth, SmallData) {
  const Parts s = slopes(1e-3, 3e-2, {});
  expect_slopes(s.outer, {2, 6, 6, 6, 4, 4}, 0.03);
  expect_slopes(s.functional, {none, 5, 5, 3, 3, 3}, 0.03);
}

TEST(AttentionGrowth, LargerDataFollowsTheSameLawsRoughly) {
  const Parts s = slopes(0.1, 1, {});
  expect_slopes(s.outer, {2, 6, 6, 6, 4, 4}, 0.25);
  expect_slopes(s.functional, {none, 5, 5, 3, 3, 3}, 0.25);
}

// Saturated softmax: rows that attend to one token have no covariance, so blocks of W_Q and W_K
// fall behind their laws, and the block of W_V does not.
TEST(AttentionGrowth, SaturationEndsTheLawsOfQueriesAndKeys) {
  const Values outer = slopes(3, 10, {}).outer, law{2, 6, 6, 6, 4, 4};
  EXPECT_NEAR(outer[0], law[0], 0.15);
  for (std::size_t b = 1; b < names.size(); ++b) EXPECT_LT(outer[b], law[b] - 0.4) << names[b];
}

TEST(AttentionGrowth, LinearAttention) {
  const AttentionOptions linear{.score = nn::AttentionScore::linear};
  const Parts small = slopes(1e-3, 3e-2, linear), large = slopes(3, 10, linear);
  for (const Parts& s : {small, large}) expect_slopes(s.outer, {6, 6, 6, 6, 6, 6}, 1e-6);
  expect_slopes(small.functional, {none, none, none, 3, 3, 3}, 0.03);
  expect_slopes(large.functional, {none, none, none, 6, 6, 6}, 0.03);  // the residual grows too
}

// Behind a LayerNorm the Hessian is the same for all scales of the data, but for the norm's
// epsilon.
TEST(AttentionGrowth, ALayerNormTakesTheScaleAway) {
  const auto norm_at = [](double sigma) {
    AttentionLayer layer = random_layer(shape, 1, sigma, {}, 0.5);
    layer.x = layer_norm(layer.x, {shape.d}).tensor();
    return frobenius(dense(attention_hessian(layer, *mse_loss(random_target(shape, 1))).hessian));
  };
  EXPECT_NEAR(norm_at(10) / norm_at(1), 1, 1e-4);
  EXPECT_NEAR(norm_at(0.1) / norm_at(1), 1, 1e-2);
  EXPECT_GT(norm_at(1), 0.1);
}

}  // namespace
}  // namespace sonde
