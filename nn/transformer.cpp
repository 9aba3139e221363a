#include "nn/transformer.hpp"

#include "autograd/ops.hpp"

namespace sonde::nn {
namespace {

constexpr std::string_view op = "transformer";

LayerNormOptions norm_options(const TransformerLayerOptions& o) {
  return {.eps = o.layer_norm_eps, .bias = o.bias};
}

MultiHeadAttentionOptions without_diagonal(MultiHeadAttentionOptions options) {
  options.mask_diagonal = false;
  return options;
}

template <class Layer>
std::vector<std::unique_ptr<Layer>> make_layers(std::int64_t d_model, std::int64_t nhead,
                                                std::int64_t count, philox::Key key,
                                                const TransformerLayerOptions& options) {
  if (count < 1) fail(ErrorCode::value, op, "{} layers", count);
  std::vector<std::unique_ptr<Layer>> layers;
  for (std::int64_t i = 0; i < count; ++i)
    layers.push_back(std::make_unique<Layer>(
        d_model, nhead, philox::child(key, static_cast<std::uint64_t>(i)), options));
  return layers;
}

std::unique_ptr<LayerNorm> final_norm(std::int64_t d_model, const TransformerOptions& options) {
  return options.norm ? std::make_unique<LayerNorm>(Dims{d_model}, norm_options(options.layer))
                      : nullptr;
}

[[noreturn]] void fail_without_memory() {
  fail_hint(ErrorCode::usage, op, "call decode(ctx, {.tgt = ..., .memory = ...})",
            "a decoder needs a memory as well");
}

}  // namespace

TransformerLayer::TransformerLayer(std::int64_t d_model, std::int64_t sublayers, philox::Key key,
                                   TransformerLayerOptions options)
    : d_model_(d_model),
      options_(std::move(options)),
      linear1_(d_model, options_.dim_feedforward, philox::child(key, 0), {.bias = options_.bias}),
      linear2_(options_.dim_feedforward, d_model, philox::child(key, 1), {.bias = options_.bias}),
      dropout_(options_.dropout) {
  if (!options_.activation) fail(ErrorCode::value, op, "has no activation");
  for (std::int64_t i = 0; i < sublayers; ++i) {
    norms_.push_back(std::make_unique<LayerNorm>(Dims{d_model}, norm_options(options_)));
    dropouts_.push_back(std::make_unique<Dropout>(options_.dropout));
  }
}

MultiHeadAttentionOptions TransformerLayer::attention_options(const TransformerLayerOptions& o) {
  MultiHeadAttentionOptions options = o.attention;
  options.dropout = o.dropout;
  options.batch_first = o.batch_first;
  options.qkv_bias = options.qkv_bias && o.bias;
  options.out_bias = options.out_bias && o.bias;
  return options;
}

void TransformerLayer::add_children() {
  child("linear1", linear1_);
  child("dropout", dropout_);
  child("linear2", linear2_);
  for (std::size_t i = 0; i < norms_.size(); ++i) child(fmt::format("norm{}", i + 1), *norms_[i]);
  for (std::size_t i = 0; i < dropouts_.size(); ++i)
    child(fmt::format("dropout{}", i + 1), *dropouts_[i]);
}

Var TransformerLayer::feed_forward(Context& ctx, const Var& x) const {
  return linear2_(ctx, dropout_(ctx, options_.activation(linear1_(ctx, x))));
}

template <class F>
Var TransformerLayer::residual(Context& ctx, std::size_t i, const Var& x, const F& f) const {
  if (options_.norm_first) return add(x, (*dropouts_[i])(ctx, f((*norms_[i])(ctx, x))));
  return (*norms_[i])(ctx, add(x, (*dropouts_[i])(ctx, f(x))));
}

std::string TransformerLayer::describe(std::string_view name) const {
  return fmt::format("{}({}, {}, {})", name, d_model_, options_.dim_feedforward,
                     options_.norm_first ? "pre-LN" : "post-LN");
}

TransformerEncoderLayer::TransformerEncoderLayer(std::int64_t d_model, std::int64_t nhead,
                                                 philox::Key key, Options options)
    : TransformerLayer(d_model, 2, key, options),
      self_attn_(d_model, nhead, philox::child(key, 2), attention_options(options)) {
  child("self_attn", self_attn_);
  add_children();
}

Var TransformerEncoderLayer::forward(Context& ctx, Var x) const {
  return evaluate(ctx, {.src = std::move(x)});
}

Var TransformerEncoderLayer::encode(Context& ctx, const EncoderInputs& inputs) const {
  return within(ctx, [&] {
    EncoderInputs in = inputs;
    in.src = ctx.tap(in.src, "in");
    return ctx.tap(evaluate(ctx, in), "out");
  });
}

Var TransformerEncoderLayer::evaluate(Context& ctx, const EncoderInputs& in) const {
  const Var x = residual(ctx, 0, in.src, [&](const Var& y) {
    return self_attn_.attend(ctx, {.query = y,
                                   .attn_mask = in.mask,
                                   .key_padding_mask = in.src_key_padding_mask,
                                   .is_causal = in.is_causal});
  });
  return residual(ctx, 1, x, [&](const Var& y) { return feed_forward(ctx, y); });
}

TransformerDecoderLayer::TransformerDecoderLayer(std::int64_t d_model, std::int64_t nhead,
                                                 philox::Key key, Options options)
    : TransformerLayer(d_model, 3, key, options),
      self_attn_(d_model, nhead, philox::child(key, 2), attention_options(options)),
      multihead_attn_(d_model, nhead, philox::child(key, 3),
                      without_diagonal(attention_options(options))) {
  if (options.attention.weights == QkvWeights::qkv)
    fail(ErrorCode::value, op, "a decoder's memory has projections of its own, qkv has none");
  child("self_attn", self_attn_);
  child("multihead_attn", multihead_attn_);
  add_children();
}

Var TransformerDecoderLayer::forward(Context&, Var) const {
  fail_without_memory();
}

Var TransformerDecoderLayer::decode(Context& ctx, const DecoderInputs& in) const {
  return within(ctx, [&] {
    Var x = residual(ctx, 0, ctx.tap(in.tgt, "in"), [&](const Var& y) {
      return self_attn_.attend(ctx, {.query = y,
                                     .attn_mask = in.tgt_mask,
                                     .key_padding_mask = in.tgt_key_padding_mask,
                                     .is_causal = in.tgt_is_causal});
    });
    const Var memory = ctx.tap(in.memory, "memory");
    x = residual(ctx, 1, x, [&](const Var& y) {
      return multihead_attn_.attend(ctx, {.query = y,
                                          .key = memory,
                                          .attn_mask = in.memory_mask,
                                          .key_padding_mask = in.memory_key_padding_mask,
                                          .is_causal = in.memory_is_causal});
    });
    return ctx.tap(residual(ctx, 2, x, [&](const Var& y) { return feed_forward(ctx, y); }), "out");
  });
}

TransformerEncoder::TransformerEncoder(std::int64_t d_model, std::int64_t nhead,
                                       std::int64_t num_layers, philox::Key key, Options options)
    : layers_(make_layers<TransformerEncoderLayer>(d_model, nhead, num_layers, key, options.layer)),
      norm_(final_norm(d_model, options)) {
  for (std::size_t i = 0; i < layers_.size(); ++i) child(fmt::format("layers.{}", i), *layers_[i]);
  if (norm_) child("norm", *norm_);
}

Var TransformerEncoder::forward(Context& ctx, Var x) const {
  return evaluate(ctx, {.src = std::move(x)});
}

Var TransformerEncoder::encode(Context& ctx, const EncoderInputs& inputs) const {
  return within(ctx, [&] {
    EncoderInputs in = inputs;
    in.src = ctx.tap(in.src, "in");
    return ctx.tap(evaluate(ctx, std::move(in)), "out");
  });
}

Var TransformerEncoder::evaluate(Context& ctx, EncoderInputs in) const {
  for (const auto& layer : layers_) in.src = layer->encode(ctx, in);
  return norm_ ? (*norm_)(ctx, in.src) : in.src;
}

TransformerDecoder::TransformerDecoder(std::int64_t d_model, std::int64_t nhead,
                                       std::int64_t num_layers, philox::Key key, Options options)
    : layers_(make_layers<TransformerDecoderLayer>(d_model, nhead, num_layers, key, options.layer)),
      norm_(final_norm(d_model, options)) {
  for (std::size_t i = 0; i < layers_.size(); ++i) child(fmt::format("layers.{}", i), *layers_[i]);
  if (norm_) child("norm", *norm_);
}

Var TransformerDecoder::forward(Context&, Var) const {
  fail_without_memory();
}

Var TransformerDecoder::decode(Context& ctx, const DecoderInputs& inputs) const {
  return within(ctx, [&] {
    DecoderInputs in = inputs;
    in.tgt = ctx.tap(in.tgt, "in");
    in.memory = ctx.tap(in.memory, "memory");
    for (const auto& layer : layers_) in.tgt = layer->decode(ctx, in);
    return ctx.tap(norm_ ? (*norm_)(ctx, in.tgt) : in.tgt, "out");
  });
}

}  // namespace sonde::nn
