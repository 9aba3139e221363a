// The task and the network whose Hessian is measured, and what is measured of it.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "analysis/attention_layer.hpp"
#include "analysis/function_maps.hpp"
#include "autograd/ops.hpp"
#include "experiments/hessian/heterogeneity.hpp"

namespace sonde::experiments {
namespace {

std::int64_t number_at(const Tensor& tokens, std::int64_t row, std::int64_t begin,
                       std::int64_t count) {
  std::int64_t value = 0;
  for (std::int64_t i = 0; i < count; ++i)
    value = 10 * value + static_cast<std::int64_t>(tokens.at({row, begin + i}));
  return value;
}

TEST(Addition, SequencesAreSums) {
  int with_carries = 0;
  for (std::uint64_t key = 0; key < 40; ++key) {
    const Tensor t = addition::batch(30, {key, 3});
    ASSERT_EQ(t.shape(), (Dims{30, 18}));
    int nines = 0;
    for (std::int64_t i = 0; i < 30; ++i) {
      ASSERT_EQ(number_at(t, i, 0, 5) + number_at(t, i, 6, 5), number_at(t, i, 12, 6));
      ASSERT_EQ(t.at({i, 5}), 10);
      ASSERT_EQ(t.at({i, 11}), 11);
      for (std::int64_t d = 0; d < 5; ++d) nines += t.at({i, d}) + t.at({i, 6 + d}) == 9;
    }
    with_carries += nines > 30;  // of 150 pairs 15 by chance, 42 where a fifth is made so
  }
  EXPECT_GT(with_carries, 2);
  EXPECT_LT(with_carries, 18);  // one in five of 40
  const Tensor t = addition::batch(2, {1, 1});
  const std::vector<std::int64_t> targets = addition::targets(t).to_vector<std::int64_t>();
  ASSERT_EQ(targets.size(), 12u);
  EXPECT_EQ(static_cast<double>(targets[7]), t.at({1, 13}));
  EXPECT_THROW(addition::batch(0, {}), Error);
}

TEST(SmallTransformerOf, TheStudysSize) {
  const SmallTransformer net({.width = 16}, {1, 1});
  EXPECT_EQ(net.parameter_count(), 3836);
  std::vector<std::string> names;
  for (const nn::NamedEntry& e : net.named_parameters()) names.push_back(e.path);
  EXPECT_EQ(names,
            (std::vector<std::string>{
                "embed.W_E", "pos_embed.W_pos", "blocks.0.attn.W_Q", "blocks.0.attn.W_K",
                "blocks.0.attn.W_V", "blocks.0.attn.W_O", "blocks.0.mlp.W_in", "blocks.0.mlp.b_in",
                "blocks.0.mlp.W_out", "blocks.0.mlp.b_out", "unembed.W_U", "unembed.b_U"}));
}

TEST(SmallTransformerOf, AnyEmbeddingScaleHasTheSameNumbers) {
  const SmallTransformer small({.embedding_std = 0.1}, {1, 1}), large({.embedding_std = 2}, {1, 1});
  const auto a = small.parameters(), b = large.parameters();
  for (std::size_t i = 0; i < a.size(); ++i)
    EXPECT_LT(amax(abs(a[i] * (i < 2 ? 20.0 : 1.0) - b[i])).item(), 1e-14) << i;
}

// Position i of the output sees the tokens 0 ... i.
TEST(SmallTransformerOf, CausalityHoldsForEveryKind) {
  for (const NormPlace norm : {NormPlace::none, NormPlace::pre, NormPlace::post})
    for (const nn::AttentionScore score :
         {nn::AttentionScore::softmax, nn::AttentionScore::linear}) {
      const SmallTransformer net({.width = 8, .layers = 2, .score = score, .norm = norm}, {1, 1});
      Tensor tokens = addition::batch(1, {2, 1});
      const Tensor before = net(tokens).tensor();
      tokens.mutable_data<std::int64_t>()[9] = (static_cast<int>(tokens.at({0, 9})) + 1) % 10;
      const Var change = abs(net(tokens) - before);
      EXPECT_EQ(amax(slice(change, 1, 0, 9)).item(), 0);
      EXPECT_GT(amax(slice(change, 1, 9, {})).item(), 1e-6);
    }
}

// Parameters by the last part of their path.
std::map<std::string, Tensor> weights_of(const SmallTransformer& net) {
  std::map<std::string, Tensor> out;
  for (const nn::NamedEntry& e : net.named_parameters())
    out.emplace(e.path.substr(e.path.rfind('.') + 1), e.handle->value);
  return out;
}

// A temperature is a factor of W_Q, and so is a single matrix a product.
TEST(SmallTransformerOf, TemperatureAndSingleMatrixAreWhatTheirScoresSay) {
  const SmallTransformer plain({.width = 4}, {1, 1}), warm({.width = 4, .temperature = 2}, {1, 1}),
      single({.width = 4, .single_matrix = true}, {1, 1});
  const Tensor tokens = addition::batch(3, {2, 2});
  auto weights = weights_of(plain);
  for (auto& [name, w] : weights_of(single))
    w.copy_from(name == "W_QK"
                    ? (matmul(weights.at("W_Q"), weights.at("W_K"), {.b = true}) / 2.0).tensor()
                    : weights.at(name));
  EXPECT_LT(amax(abs(plain(tokens) - single(tokens))).item(), 1e-14);
  const Var before = warm(tokens);
  EXPECT_GT(amax(abs(plain(tokens) - before)).item(), 1e-6);
  weights.at("W_Q").copy_from((Var(weights.at("W_Q")) / 2.0).tensor());
  EXPECT_LT(amax(abs(plain(tokens) - before)).item(), 1e-14);
}

// The heads side by side, each by attention_output().
TEST(SmallTransformerOf, HeadsAreLayersOfTheirOwn) {
  constexpr std::int64_t width = 6, heads = 3, size = width / heads;
  const SmallTransformer net({.width = width, .heads = heads, .mlp = false, .embedding_std = 1},
                             {1, 1});
  const Tensor tokens = addition::batch(1, {2, 2});
  const auto w = weights_of(net);
  const Var x = embedding(select(Var(tokens), 0, 0), w.at("W_E")) + w.at("W_pos");
  Var sum = x;
  for (std::int64_t h = 0; h < heads; ++h) {
    const auto columns = [&](const char* name) {
      return w.at(name).slice(1, h * size, (h + 1) * size).contiguous();
    };
    const Tensor f = attention_output({.x = x.tensor(),
                                       .w_q = columns("W_Q"),
                                       .w_k = columns("W_K"),
                                       .w_v = columns("W_V"),
                                       .options = {.causal = true}});
    sum = sum + matmul(f, w.at("W_O").slice(0, h * size, (h + 1) * size));
  }
  const Var logits = matmul(sum, w.at("W_U")) + w.at("b_U");
  EXPECT_LT(amax(abs(select(net(tokens), 0, 0) - logits)).item(), 1e-13);
  EXPECT_THROW(SmallTransformer({.width = 6, .heads = 4}, {1, 1}), Error);
  EXPECT_THROW(SmallTransformer({.width = 6, .heads = 2, .single_matrix = true}, {1, 1}), Error);
}

TEST(Heterogeneity, BlocksArePartsOfTheWholeAndOfDifferences) {
  const HeterogeneityOptions o{.width = 4, .sequences = 2};
  double shares = 0;
  const WholeHessian whole = whole_hessian(o, 3, [&](double share) { shares = share; });
  EXPECT_EQ(shares, 1);
  const std::int64_t n = whole.matrix.size(0);
  EXPECT_LT(amax(abs(Var(whole.matrix) - transpose(whole.matrix))).item(),
            1e-14 * amax(abs(Var(whole.matrix))).item());
  std::int64_t begin = 0, size = 0;
  for (const auto& [name, elements] : whole.blocks) {
    if (name == "blocks.0.attn.W_Q") {
      size = elements;
      break;
    }
    begin += elements;
  }
  const Var block = whole.matrix.slice(0, begin, begin + size).slice(1, begin, begin + size);
  const QueryAndValue found = query_and_value(o, 3);
  EXPECT_NEAR(norm(block).item(), found.query.norm, 1e-12 * found.query.norm);
  EXPECT_NEAR(found.query.greatest, amax(abs(block)).item(), 1e-12 * found.query.greatest);
  // The network is linear in W_V up to the ReLU: no functional part.
  EXPECT_LT(found.value.functional, 1e-12 * found.value.norm);
  EXPECT_GT(found.query.functional, 0.01 * found.query.norm);

  // Column k by differences of gradients of the same loss.
  const SmallTransformer net({.width = 4, .embedding_std = 0.2}, {3, 1});
  const Tensor tokens = addition::batch(2, {3, 2}), targets = addition::targets(tokens);
  const ParameterPoint at(net);
  const Function gradient = grad(at.function(
      [&](nn::Context& ctx) { return cross_entropy(net.answer_logits(ctx, tokens), targets); }));
  constexpr double step = 1e-5;
  for (const std::int64_t k : {begin, begin + size - 1, n - 3}) {
    const auto shifted = [&](double by) {
      Tensor x = at.space.flatten(at.values);
      x.mutable_data<double>()[k] += by;
      return Var(at.space.flatten(gradient(at.space.unflatten(x))));
    };
    const Var column = (shifted(step) - shifted(-step)) / (2 * step);
    EXPECT_LT(amax(abs(column - whole.matrix.select(0, k))).item(), 1e-7) << k;
  }
}

TEST(Heterogeneity, LinearAttentionHasNoFunctionalPart) {
  const QueryAndValue found =
      query_and_value({.width = 4, .sequences = 2, .score = nn::AttentionScore::linear}, 1);
  EXPECT_LT(found.query.functional, 1e-12 * found.query.norm);
  EXPECT_LT(found.value.functional, 1e-12 * found.value.norm);
}

TEST(CoarseMap, IsTheMeanOfSquares) {
  const Tensor m =
      Tensor::from<double>({1, -3, 0, 0, 5, 7, 0, 0, 0, 0, 1e-9, 0, 0, 0, 0, 0}, {4, 4});
  const std::vector<double> map = coarse_map(m, 2, 1e-8);
  EXPECT_NEAR(map[0], std::log10(4), 1e-15);
  for (std::size_t k = 1; k < 4; ++k) EXPECT_EQ(map[k], -8);
}

}  // namespace
}  // namespace sonde::experiments
