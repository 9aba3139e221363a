// The network of Hahn and Rofin, "Why are sensitive functions hard for transformers?", 2024: its
// numbers of parameters, and how blow-up, sharpness and sensitivity see it.
#include <gtest/gtest.h>

#include <cmath>

#include "analysis/blowup.hpp"
#include "analysis/boolean.hpp"
#include "analysis/sensitivity.hpp"
#include "analysis/sharpness.hpp"
#include "autograd/ops.hpp"
#include "nn/embedding.hpp"
#include "nn/transformer.hpp"

namespace sonde {
namespace {

// Bits [n, length] as tokens 0 and 1, embedded beside their positions; the output is read at the
// last token.
class Reader final : public nn::Module {
 public:
  Reader(std::int64_t d, std::int64_t length)
      : tokens_(2, d / 2, {1, 0}),
        positions_(length, d / 2, {2, 0}),
        encoder_(d, 2, 2, {3, 0},
                 {.layer = {.dim_feedforward = d, .dropout = 0, .batch_first = true}}),
        head_(d, 1, {4, 0}) {
    child("tokens", tokens_);
    child("positions", positions_);
    child("encoder", encoder_);
    child("head", head_);
  }
  Var forward(nn::Context& ctx, Var bits) const override {
    const Var e = tokens_(ctx, bits), p = positions_(ctx, Tensor::arange(bits.size(1)));
    const Var x = encoder_(ctx, concat({e, broadcast_to(p, e.shape())}, 2));
    return head_(ctx, select(x, 1, bits.size(1) - 1));
  }

 private:
  nn::Embedding tokens_, positions_;
  nn::TransformerEncoder encoder_;
  nn::Linear head_;
};

// All bit strings of this length, [2^length, length]; bit i of the row's number is column i.
Tensor bit_strings(int length) {
  return lt(cube_points(length), 0.0).tensor().to(DType::i64);
}

TEST(HahnRofin, ParametersAreAsManyAsThePapersBesidePositions) {
  const struct { std::int64_t d, parameters; } cases[] = {{4, 281}, {32, 12993}, {128, 199425}};
  for (const auto& [d, parameters] : cases) {
    Reader net(d, 10);
    EXPECT_EQ(net.parameter_count() - 10 * d / 2, parameters);
    net.freeze("positions.*");
    EXPECT_EQ(ParameterPoint(net).space.size(), parameters);
  }
}

// The same network as a Boolean function: flips of its tokens and its table agree, and the real
// outputs' total influence is the mean of the squared changes over 4.
TEST(HahnRofin, FlippedTokensAndTheTableAgree) {
  constexpr int length = 6;
  Reader net(16, length);
  net.convert(DType::f64);
  const Tensor x = bit_strings(length), out = net(Var(x)).tensor();
  const std::vector<double> values = out.to_vector<double>();
  const double middle = quantile(values, 0.5);
  const Classifier classify = [&](const Tensor& bits) {
    const Var score = net(Var(bits)) - middle;
    return concat({score * 0.0, score}, 1).tensor();
  };
  const auto table = predictions(classify(x));
  const Sensitivity s = sensitivity(classify, x, *bit_flip(length, 0, 1), {});
  EXPECT_GT(s.flips, 0);
  EXPECT_EQ(static_cast<double>(s.flips) / (1 << length), average_sensitivity(table));
  EXPECT_EQ(s.by_position, influences(table));
  double squares = 0;
  for (std::size_t p = 0; p < values.size(); ++p)
    for (int i = 0; i < length; ++i)
      squares += std::pow(values[p] - values[p ^ std::size_t{1} << i], 2);
  EXPECT_NEAR(total_influence(fourier_coefficients(std::span<const double>(values))),
              squares / 4 / static_cast<double>(values.size()), 1e-12 * squares);
}

// With equal radius size = radius / sqrt(p) the two laws agree where the loss is quadratic, which
// for a small radius it is; and the outputs' squared change is the rise of their squared distance.
TEST(HahnRofin, SphereAndGaussianAgreeAtEqualRadius) {
  Reader net(8, 4);
  net.convert(DType::f64);
  net.freeze("positions.*");
  const ParameterPoint at(net);
  const Function outputs = at.outputs(bit_strings(4));
  const Tensor before = outputs(at.values)[0].tensor();
  const Function distance = [&](const Vars& v) {
    return mean(square(outputs(v)[0] - Var(before)));
  };
  const double radius = 1e-3, p = static_cast<double>(at.space.size());
  const ParameterNoise gaussian{.size = radius / std::sqrt(p), .draws = 400, .key = {1, 1}},
      sphere{.law = NoiseLaw::sphere, .size = radius, .draws = 400, .key = {2, 2}};
  const Estimate a = loss_sharpness(distance, at, gaussian),
                 b = loss_sharpness(distance, at, sphere),
                 c = output_sharpness(outputs, at, sphere).squared;
  EXPECT_NEAR(a.value, b.value, 4 * std::hypot(*a.std_error, *b.std_error));
  EXPECT_NEAR(b.value, c.value, 1e-12 * c.value);
  EXPECT_LT(*a.std_error, 0.2 * a.value);
}

}  // namespace
}  // namespace sonde
