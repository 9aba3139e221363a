// Spectral norms of layers whose singular values are known.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "analysis/rank.hpp"
#include "analysis/spectral_norms.hpp"
#include "autograd/ops.hpp"
#include "nn/conv.hpp"
#include "nn/init.hpp"
#include "nn/models/bert.hpp"
#include "nn/sequential.hpp"
#include "tests/analysis/values.hpp"

namespace sonde {
namespace {

using testing::random;

TEST(DerivativeNorm, OfALinearMapIsItsGreatestSingularValue) {
  const Tensor a = random({30, 20}, 1);
  const Function f = [&](const Var& x) { return matmul(a, x) + 3.0; };
  const double expected = singular_values(a).front();
  const Tensor x = random({20}, 2);
  EXPECT_NEAR(derivative_norm(f, x).value, expected, 1e-12);
  const SpectralNorm iterated = derivative_norm(f, x, 0);
  EXPECT_NEAR(iterated.value, expected, 1e-9 * expected);
  EXPECT_LE(std::abs(iterated.value - expected), iterated.residual + 1e-12);
  const Function transposed = [&](const Var& y) { return matmul(a, y, {.a = true}); };
  EXPECT_NEAR(derivative_norm(transposed, random({30}, 2), 0).value, expected, 1e-9 * expected);
}

// On a line of n pixels between zeros the kernel (1, 2, 1) is the matrix tridiag(1, 2, 1), of norm
// 2 + 2 cos(pi / (n + 1)).
TEST(DerivativeNorm, OfAConvolutionIsThatOfItsMatrix) {
  nn::Conv1d conv(1, 1, 3, {1, 1}, {.padding = 1});
  conv.convert(DType::f64);
  conv.set_parameters({Tensor::from<double>({1, 2, 1}, {1, 1, 3}), Tensor::ones({1}, DType::f64)});
  const Function f = [&](const Var& x) { return conv(x); };
  for (std::int64_t n : {5, 40}) {
    const double expected = 2 + 2 * std::cos(M_PI / static_cast<double>(n + 1));
    EXPECT_NEAR(derivative_norm(f, random({1, 1, n}, 3)).value, expected, 1e-12);
    EXPECT_NEAR(derivative_norm(f, random({1, 1, n}, 3), 0).value, expected, 1e-9);
  }
}

// A convolution of patches that do not overlap is its kernel as a matrix, patch by patch.
TEST(LayerSpectralNorms, SeeStrideAndChannels) {
  nn::Conv2d conv(3, 5, 4, {1, 2}, {.stride = {4, 4}});
  conv.convert(DType::f64);
  const Tensor w = conv.named_parameters()[0].handle->value;
  const double expected = singular_values(w.reshape({5, 48})).front();
  const auto found = weight_spectral_norms(conv);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].name, "weight");
  EXPECT_NEAR(found[0].value, expected, 1e-13);
  EXPECT_NEAR(derivative_norm([&](const Var& x) { return conv(x); }, random({1, 3, 8, 8}, 1)).value,
              expected, 1e-12);
}

TEST(LayerSpectralNorms, OfATransformerAreThoseOfItsWeights) {
  nn::Bert bert(
      {3, 3}, {.vocab = 20, .dim = 8, .depth = 1, .heads = 2, .mlp_dim = 16, .max_positions = 12});
  bert.convert(DType::f64);
  const Tensor tokens = Tensor::arange(5, DType::i64, 2).reshape({1, 5});
  const auto layers = layer_spectral_norms(bert, tokens);
  const auto weights = weight_spectral_norms(bert);
  std::vector<std::string> names;
  for (const SpectralNorm& layer : layers) {
    names.push_back(layer.name);
    const auto same = std::ranges::find(weights, layer.name + ".weight", &SpectralNorm::name);
    ASSERT_NE(same, weights.end());
    EXPECT_NEAR(layer.value, same->value, 1e-12) << layer.name;
  }
  EXPECT_EQ(names, (std::vector<std::string>{"encoder.layers.0.self_attn.out_proj",
                                             "encoder.layers.0.linear1", "encoder.layers.0.linear2",
                                             "pooler", "classifier"}));
  EXPECT_EQ(layer_spectral_norms(bert, tokens, "*linear?").size(), 2u);
  EXPECT_THROW(layer_spectral_norms(bert, tokens, "*linear3"), Error);
  EXPECT_THROW(weight_spectral_norms(bert, "*.bias"), Error);
}

}  // namespace
}  // namespace sonde
