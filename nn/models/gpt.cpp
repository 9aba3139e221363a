#include "nn/models/gpt.hpp"

#include <cmath>

#include "autograd/ops.hpp"
#include "nn/models/text.hpp"
#include "nn/names.hpp"

namespace sonde::nn {
namespace {

TransformerOptions encoder_options(const GptOptions& o) {
  return {.layer = {.dim_feedforward = o.mlp_dim > 0 ? o.mlp_dim : 4 * o.dim,
                    .dropout = o.dropout,
                    .activation = [](const Var& x) { return gelu(x); },
                    .batch_first = true,
                    .norm_first = true,
                    .attention = {.score = o.score}},
          .norm = true};
}

}  // namespace

Var TiedHead::forward(Context& ctx, Var x) const {
  return linear(std::move(x), ctx[weight_]);
}

Gpt::Gpt(philox::Key key, Options options)
    : options_(options),
      tokens_(options.vocab, options.dim, philox::child(key, 0)),
      positions_(options.context, options.dim, philox::child(key, 1)),
      dropout_(options.dropout),
      encoder_(options.dim, options.heads, options.depth, philox::child(key, 3),
               encoder_options(options)) {
  child("wte", tokens_);
  child("wpe", positions_);
  child("dropout", dropout_);
  child("encoder", encoder_);
  if (options.tied)
    head_ = std::make_unique<TiedHead>(tokens_.weight());
  else
    head_ = std::make_unique<Linear>(options.dim, options.vocab, philox::child(key, 2),
                                     LinearOptions{.bias = false});
  child("lm_head", *head_);
  draw_normal(*this, options.init_std, philox::child(key, 2));
  const double shrink = 1 / std::sqrt(2.0 * static_cast<double>(options.depth));
  for (const auto& [path, handle] : named_parameters())
    if (matches("*.self_attn.out_proj.weight", path) || matches("*.linear2.weight", path))
      handle->value = mul(Var(handle->value), shrink).tensor();
}

Var Gpt::forward(Context& ctx, Var x) const {
  if (x.rank() != 2) fail(ErrorCode::shape, "gpt", "tokens {} are not [batch, tokens]", x.spec());
  return evaluate(ctx, x, arange(x.size(1), x.device()));
}

Var Gpt::predict(Context& ctx, const Var& tokens, const Var& positions) const {
  return within(ctx,
                [&] { return ctx.tap(evaluate(ctx, ctx.tap(tokens, "in"), positions), "out"); });
}

Var Gpt::evaluate(Context& ctx, const Var& tokens, const Var& positions) const {
  if (tokens.rank() != 2 || tokens.size(1) > options_.context)
    fail(ErrorCode::shape, "gpt", "tokens {} are not [batch, up to {}]", tokens.spec(),
         options_.context);
  const Var x = dropout_(ctx, add(tokens_(ctx, tokens), positions_(ctx, positions)));
  return (*head_)(ctx, encoder_.encode(ctx, {.src = x, .is_causal = true}));
}

}  // namespace sonde::nn
