#include "nn/models/gpt.hpp"

#include <cmath>

#include "autograd/ops.hpp"
#include "nn/init.hpp"
#include "nn/names.hpp"

namespace sonde::nn {

Var TiedHead::forward(Context& ctx, Var x) const {
  return linear(std::move(x), ctx[weight_]);
}

Gpt::Gpt(philox::Key key, Options options)
    : options_(options),
      tokens_(options.vocab, options.dim, philox::child(key, 0)),
      positions_(options.context, options.dim, philox::child(key, 1)),
      dropout_(options.dropout),
      norm_({options.dim}) {
  child("wte", tokens_);
  child("wpe", positions_);
  child("drop", dropout_);
  for (std::int64_t i = 0; i < options.depth; ++i) {
    blocks_.push_back(std::make_unique<Block>(options.dim,
                                              philox::child(key, static_cast<std::uint64_t>(3 + i)),
                                              BlockOptions{.heads = options.heads,
                                                           .mlp_dim = options.mlp_dim,
                                                           .score = options.score,
                                                           .is_causal = true,
                                                           .dropout = options.dropout}));
    child(fmt::format("blocks.{}", i), *blocks_.back());
  }
  child("norm", norm_);
  if (options.tied)
    head_ = std::make_unique<TiedHead>(tokens_.weight());
  else
    head_ = std::make_unique<Linear>(options.dim, options.vocab, philox::child(key, 2),
                                     LinearOptions{.bias = false});
  child("lm_head", *head_);
  draw_normal(*this, options.init_std, philox::child(key, 2));
  const double shrink = 1 / std::sqrt(2.0 * static_cast<double>(options.depth));
  for (const auto& [path, handle] : named_parameters())
    if (matches("*.attn.proj.weight", path) || matches("*.mlp.fc2.weight", path))
      handle->value = mul(Var(handle->value), shrink).tensor();
}

Var Gpt::forward(Context& ctx, Var x) const {
  if (x.rank() != 2 || x.size(1) > options_.context)
    fail(ErrorCode::shape, "gpt", "tokens {} are not [batch, up to {}]", x.spec(),
         options_.context);
  const Var positions = positions_(ctx, Tensor::arange(x.size(1)));
  x = dropout_(ctx, add(tokens_(ctx, std::move(x)), positions));
  for (const auto& block : blocks_) x = (*block)(ctx, std::move(x));
  return (*head_)(ctx, norm_(ctx, std::move(x)));
}

}  // namespace sonde::nn
