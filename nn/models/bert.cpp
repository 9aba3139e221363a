#include "nn/models/bert.hpp"

#include "autograd/ops.hpp"
#include "nn/models/text.hpp"

namespace sonde::nn {
namespace {

TransformerOptions encoder_options(const BertOptions& o) {
  return {.layer = {.dim_feedforward = o.mlp_dim,
                    .dropout = o.dropout,
                    .activation = [](const Var& x) { return gelu(x); },
                    .layer_norm_eps = o.norm_eps,
                    .batch_first = true,
                    .attention = {.score = o.score}}};
}

}  // namespace

Bert::Bert(philox::Key key, Options options)
    : options_(options),
      words_(options.vocab, options.dim, philox::child(key, 0)),
      positions_(options.max_positions, options.dim, philox::child(key, 1)),
      types_(options.token_types, options.dim, philox::child(key, 2)),
      norm_({options.dim}, {.eps = options.norm_eps}),
      dropout_(options.dropout),
      pooled_dropout_(options.dropout),
      head_dropout_(options.dropout),
      encoder_(options.dim, options.heads, options.depth, philox::child(key, 6),
               encoder_options(options)),
      pooler_(options.dim, options.dim, philox::child(key, 3)),
      classifier_(options.dim, options.classes, philox::child(key, 4)) {
  child("embeddings.word_embeddings", words_);
  child("embeddings.position_embeddings", positions_);
  child("embeddings.token_type_embeddings", types_);
  child("embeddings.LayerNorm", norm_);
  child("embeddings.dropout", dropout_);
  child("encoder", encoder_);
  child("pooled_dropout", pooled_dropout_);
  child("pooler", pooler_);
  child("head_dropout", head_dropout_);
  child("classifier", classifier_);
  draw_normal(*this, options.init_std, philox::child(key, 5));
}

Var Bert::forward(Context& ctx, Var x) const {
  return evaluate(ctx, x, {});
}

Var Bert::classify(Context& ctx, const Var& tokens, const Var& types) const {
  return within(ctx, [&] { return ctx.tap(evaluate(ctx, ctx.tap(tokens, "in"), types), "out"); });
}

Var Bert::evaluate(Context& ctx, const Var& tokens, const Var& types) const {
  const std::int64_t longest = options_.max_positions - options_.position_offset;
  if (tokens.rank() != 2 || tokens.size(1) > longest || tokens.size(1) == 0)
    fail(ErrorCode::shape, "bert", "tokens {} are not [batch, 1 to {}]", tokens.spec(), longest);
  const Var padding = eq(tokens, static_cast<double>(options_.padding_idx));
  Var x = encoder_.encode(ctx, {.src = embed(ctx, tokens, types), .src_key_padding_mask = padding});
  x = pooled_dropout_(ctx, pooled(x, padding));
  return classifier_(ctx, head_dropout_(ctx, tanh(pooler_(ctx, std::move(x)))));
}

Var Bert::embed(Context& ctx, const Var& tokens, const Var& types) const {
  const Device device = tokens.device();
  const Tensor rows = Tensor::arange(tokens.size(1), DType::i64,
                                     static_cast<double>(options_.position_offset), 1, device);
  const Var type = types_(ctx, types ? types : Var(Tensor::zeros({1, 1}, DType::i64, device)));
  const Var x = add(add(words_(ctx, tokens), positions_(ctx, rows)), type);
  return dropout_(ctx, norm_(ctx, x));
}

// x [B, T, dim] to [B, dim].
Var Bert::pooled(const Var& x, const Var& padding) const {
  if (options_.pooling == TextPooling::first) return select(x, 1, 0);
  const Var kept = unsqueeze(sonde::to(logical_not(padding), x.dtype()), -1);
  return div(sum(mul(x, kept), {1}), maximum(sum(kept, {1}), 1.0));
}

}  // namespace sonde::nn
