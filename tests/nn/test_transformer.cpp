// Transformer encoders and decoders: names, taps, dropout, bad input, derivatives.
#include <gtest/gtest.h>

#include <set>

#include "nn/transformer.hpp"
#include "tests/nn/expect_code.hpp"
#include "tests/nn/second_order.hpp"

namespace sonde::testing {
namespace {

using nn::Context;
using nn::Mode;
using nn::TransformerDecoder;
using nn::TransformerEncoder;
using nn::TransformerEncoderLayer;
using nn::TransformerLayerOptions;

TransformerLayerOptions smooth(bool norm_first, double dropout = 0) {
  return {.dim_feedforward = 5,
          .dropout = dropout,
          .activation = [](const Var& x) { return gelu(x); },
          .norm_first = norm_first};
}

std::string names(const nn::Module& module) {
  std::string text;
  for (const auto& p : module.named_parameters()) text += p.path + ' ';
  return text;
}

TEST(Transformer, Names) {
  const std::string attention = "in_proj_weight in_proj_bias out_proj.weight out_proj.bias ";
  auto prefixed = [](const std::string& prefix, std::string text) {
    for (std::size_t at = 0; at < text.size(); at = text.find(' ', at) + 1) text.insert(at, prefix);
    return text;
  };
  const std::string linears = "linear1.weight linear1.bias linear2.weight linear2.bias ";
  const std::string encoder = prefixed("self_attn.", attention) + linears +
                              "norm1.weight norm1.bias norm2.weight norm2.bias ";
  const std::string decoder = prefixed("self_attn.", attention) +
                              prefixed("multihead_attn.", attention) + linears +
                              "norm1.weight norm1.bias norm2.weight norm2.bias norm3.weight "
                              "norm3.bias ";
  EXPECT_EQ(
      names(TransformerEncoder(4, 2, 2, {}, {.norm = true})),
      prefixed("layers.0.", encoder) + prefixed("layers.1.", encoder) + "norm.weight norm.bias ");
  EXPECT_EQ(names(TransformerDecoder(4, 2, 1, {})), prefixed("layers.0.", decoder));
  EXPECT_EQ(names(TransformerEncoderLayer(4, 2, {}, {.bias = false})),
            "self_attn.in_proj_weight self_attn.out_proj.weight linear1.weight linear2.weight "
            "norm1.weight norm2.weight ");
  EXPECT_EQ(TransformerEncoderLayer(4, 2, {}).description(),
            "TransformerEncoderLayer(4, 2048, post-LN)");
}

TEST(Transformer, DefaultsArePyTorchs) {
  const TransformerLayerOptions o;
  EXPECT_EQ(o.dim_feedforward, 2048);
  EXPECT_EQ(o.dropout, 0.1);
  EXPECT_EQ(o.layer_norm_eps, 1e-5);
  EXPECT_FALSE(o.batch_first || o.norm_first);
  EXPECT_EQ(o.activation(Tensor::from<double>({-2, 3}, {2})).tensor().to_vector<double>(),
            (std::vector<double>{0, 3}));
}

TEST(Transformer, TapsOfEveryPart) {
  const TransformerDecoder decoder(4, 2, 1, {}, {.layer = smooth(true), .norm = true});
  std::set<std::string> seen;
  const nn::Tap look = [&](const std::string& path, Var v) {
    EXPECT_TRUE(seen.insert(path).second) << path;
    return v;
  };
  Context ctx(decoder, decoder.parameters(), {.tap = &look});
  decoder.decode(ctx, {.tgt = Tensor::ones({3, 1, 4}), .memory = Tensor::ones({2, 1, 4})});
  for (const char* path :
       {"in", "memory", "out", "norm.in", "layers.0.in", "layers.0.memory", "layers.0.norm1.in",
        "layers.0.self_attn.q", "layers.0.self_attn.heads", "layers.0.multihead_attn.key",
        "layers.0.multihead_attn.out", "layers.0.linear1.in", "layers.0.norm3.out"})
    EXPECT_TRUE(seen.contains(path)) << path;
}

// With dropout 1 only the residuals are left: pre-LN is the identity.
TEST(Transformer, DropoutIsOfEverySublayer) {
  TransformerEncoder encoder(4, 2, 2, {}, {.layer = smooth(true, 1)});
  fill(encoder);
  const Var x = uniform_values("x", {3, 2, 4});
  const Var y = functional_call(encoder, encoder.parameters(), x,
                                {.mode = Mode::train, .key = random_key(1)});
  EXPECT_EQ(y.tensor().to_vector<double>(), x.tensor().to_vector<double>());
  EXPECT_NE(encoder(x).tensor().to_vector<double>(), x.tensor().to_vector<double>());
}

TEST(Transformer, OtherScoresAreOptions) {
  TransformerLayerOptions o = smooth(false);
  o.attention.score = nn::AttentionScore::relu2_l1;
  TransformerEncoderLayer other(4, 2, {}, o), plain(4, 2, {}, smooth(false));
  fill(other);
  fill(plain);
  const Var x = uniform_values("x", {3, 2, 4});
  EXPECT_GT(amax(abs(sub(other(x), plain(x)))).item(), 1e-3);
}

TEST(Transformer, BadInputIsAnError) {
  const TransformerDecoder decoder(4, 2, 1, {});
  expect_code(ErrorCode::usage, [&] { decoder(Var(Tensor::ones({3, 1, 4}))); });
  const nn::TransformerDecoderLayer layer(4, 2, {});
  expect_code(ErrorCode::usage, [&] { layer(Var(Tensor::ones({3, 1, 4}))); });
  expect_code(ErrorCode::value, [] { TransformerEncoder(4, 2, 0, {}); });
  expect_code(ErrorCode::value, [] { TransformerEncoder(5, 2, 1, {}); });
  expect_code(ErrorCode::value, [] { TransformerEncoderLayer(4, 2, {}, {.dim_feedforward = 0}); });
  expect_code(ErrorCode::value, [] { TransformerEncoderLayer(4, 2, {}, {.dropout = 2}); });
  expect_code(ErrorCode::value, [] { TransformerEncoderLayer(4, 2, {}, {.activation = {}}); });
  expect_code(ErrorCode::value, [] { TransformerEncoderLayer(4, 2, {}, {.layer_norm_eps = -1}); });
  TransformerLayerOptions qkv;
  qkv.attention.weights = nn::QkvWeights::qkv;
  expect_code(ErrorCode::value, [&] { nn::TransformerDecoderLayer(4, 2, {}, qkv); });
  const TransformerEncoder encoder(4, 2, 2, {});
  try {
    encoder(Var(Tensor::ones({3, 1, 5})));
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::shape);
    EXPECT_EQ(e.module_path(), "layers.0.self_attn");
  }
}

TEST(Transformer, SecondDerivatives) {
  for (const bool norm_first : {false, true})
    for (const Mode mode : {Mode::eval, Mode::train}) {
      const nn::TransformerOptions options{.layer = smooth(norm_first, 0.2), .norm = norm_first};
      const nn::CallOptions call{.mode = mode, .key = random_key(5)};
      TransformerEncoder encoder(4, 2, 2, {1, 0}, options);
      fill(encoder);
      const Subject encodes{encoder,
                            [&](Context& ctx, const Vars& v) {
                              return encoder.encode(ctx, {.src = v[0], .is_causal = true});
                            },
                            call};
      expect_hvp_modes_agree(encodes, make_vars(uniform_values("x", {3, 2, 4})));
      expect_per_sample_gradients(encodes, make_vars(uniform_values("x", {3, 3, 1, 4})));
      TransformerDecoder decoder(4, 2, 1, {1, 0}, options);
      fill(decoder);
      const Subject decodes{decoder,
                            [&](Context& ctx, const Vars& v) {
                              return decoder.decode(
                                  ctx, {.tgt = v[0], .memory = v[1], .tgt_is_causal = true});
                            },
                            call};
      expect_hvp_modes_agree(
          decodes, make_vars(uniform_values("x", {3, 2, 4}), uniform_values("m", {2, 2, 4})));
      expect_per_sample_gradients(
          decodes, make_vars(uniform_values("x", {3, 3, 1, 4}), uniform_values("m", {3, 2, 1, 4})));
    }
}

}  // namespace
}  // namespace sonde::testing
