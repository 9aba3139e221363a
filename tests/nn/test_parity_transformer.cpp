// Transformer encoders and decoders against PyTorch.
#include "autograd/ops.hpp"
#include "nn/transformer.hpp"
#include "tests/parity/formula.hpp"

namespace sonde::testing {
namespace {

using nn::Context;
using nn::DecoderInputs;
using nn::EncoderInputs;
using nn::TransformerLayerOptions;

constexpr std::int64_t batch = 2, steps = 3, memory_steps = 4, width = 4, heads = 2;
const Dims x{steps, batch, width}, memory{memory_steps, batch, width}, batch_x{batch, steps, width},
    batch_memory{batch, memory_steps, width};

Var bools(std::initializer_list<std::int64_t> values, const Dims& shape) {
  return Tensor::from<std::int64_t>(values, shape).to(DType::boolean);
}
const Var padding = bools({0, 0, 1, 0, 0, 0}, {batch, steps});
const Var memory_padding = bools({0, 0, 0, 1, 0, 0, 0, 0}, {batch, memory_steps});
const Var hidden = bools({1, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 0}, {steps, memory_steps});
const Var causal = bools({0, 1, 1, 0, 0, 1, 0, 0, 0}, {steps, steps});

TransformerLayerOptions options(TransformerLayerOptions o = {}) {
  o.dim_feedforward = 5;
  o.dropout = 0;
  return o;
}

TransformerLayerOptions pre_norm() {
  return {.activation = [](const Var& v) { return gelu(v); },
          .layer_norm_eps = 1e-2,
          .norm_first = true};
}

class TransformerParity : public ::testing::Test {
 protected:
  template <class Module>
  void compare_encoder(const std::string& key, Module&& module, const Dims& shape,
                       const EncoderInputs& masks = {}) {
    fill(module);
    fixture_.expect_module(
        key, module,
        [&](Context& ctx, const Vars& v) {
          EncoderInputs in = masks;
          in.src = v[0];
          return module.encode(ctx, in);
        },
        make_vars(uniform_values(key + ".in0", shape)));
  }

  template <class Module>
  void compare_decoder(const std::string& key, Module&& module, const Dims& tgt, const Dims& source,
                       const DecoderInputs& masks = {}) {
    fill(module);
    fixture_.expect_module(
        key, module,
        [&](Context& ctx, const Vars& v) {
          DecoderInputs in = masks;
          in.tgt = v[0];
          in.memory = v[1];
          return module.decode(ctx, in);
        },
        make_vars(uniform_values(key + ".in0", tgt), uniform_values(key + ".in1", source)));
  }

  nn::TransformerEncoderLayer encoder_layer(const TransformerLayerOptions& o = {}) {
    return {width, heads, {1, 0}, options(o)};
  }
  nn::TransformerDecoderLayer decoder_layer(const TransformerLayerOptions& o = {}) {
    return {width, heads, {1, 0}, options(o)};
  }
  nn::TransformerEncoder encoder(const TransformerLayerOptions& o, bool norm) {
    return {width, heads, 2, {1, 0}, {.layer = options(o), .norm = norm}};
  }
  nn::TransformerDecoder decoder(const TransformerLayerOptions& o, bool norm) {
    return {width, heads, 2, {1, 0}, {.layer = options(o), .norm = norm}};
  }

  Fixture fixture_{"transformer"};
};

TEST_F(TransformerParity, EncoderLayer) {
  compare_encoder("encoder_layer", encoder_layer(), x);
  compare_encoder("encoder_layer_pre", encoder_layer(pre_norm()), x);
  compare_encoder("encoder_layer_no_bias", encoder_layer({.batch_first = true, .bias = false}),
                  batch_x);
  compare_encoder("encoder_layer_single", encoder_layer(), {steps, width});
  compare_encoder("encoder_layer_masks", encoder_layer(), x,
                  {.src = {}, .mask = causal, .src_key_padding_mask = padding});
  compare_encoder("encoder_layer_masks", encoder_layer(), x,
                  {.src = {}, .src_key_padding_mask = padding, .is_causal = true});
}

TEST_F(TransformerParity, Encoder) {
  compare_encoder("encoder", encoder({}, true), x);
  compare_encoder("encoder_pre", encoder({.norm_first = true}, true), x,
                  {.src = {}, .is_causal = true});
  compare_encoder("encoder_no_norm",
                  encoder({.activation = [](const Var& v) { return gelu(v); }}, false), x);
}

TEST_F(TransformerParity, DecoderLayer) {
  compare_decoder("decoder_layer", decoder_layer(), x, memory);
  compare_decoder("decoder_layer_pre", decoder_layer(pre_norm()), x, memory);
  compare_decoder("decoder_layer_no_bias", decoder_layer({.batch_first = true, .bias = false}),
                  batch_x, batch_memory);
  compare_decoder("decoder_layer_masks", decoder_layer(), x, memory,
                  {.tgt = {},
                   .memory = {},
                   .memory_mask = hidden,
                   .tgt_key_padding_mask = padding,
                   .memory_key_padding_mask = memory_padding,
                   .tgt_is_causal = true});
}

TEST_F(TransformerParity, Decoder) {
  compare_decoder("decoder", decoder({}, true), x, memory);
  compare_decoder("decoder_pre", decoder({.norm_first = true}, true), x, memory,
                  {.tgt = {}, .memory = {}, .tgt_mask = causal});
  compare_decoder("decoder_no_norm", decoder({}, false), x, memory);
}

}  // namespace
}  // namespace sonde::testing
