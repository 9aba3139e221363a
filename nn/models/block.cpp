#include "nn/models/block.hpp"

#include "autograd/ops.hpp"
#include "nn/init.hpp"

namespace sonde::nn {
namespace {

MultiHeadAttentionOptions attention_options(const BlockOptions& o) {
  return {.head_dim = o.head_dim,
          .score = o.score,
          .learned_temperature = o.learned_temperature,
          .mask_diagonal = o.mask_diagonal,
          .weights = QkvWeights::qkv,
          .qkv_bias = o.qkv_bias,
          .out_bias = o.out_bias,
          .dropout = o.dropout,
          .batch_first = true};
}

BlockOptions completed(std::int64_t dim, BlockOptions o) {
  if (o.mlp_dim == 0) o.mlp_dim = 4 * dim;
  return o;
}

}  // namespace

Block::Block(std::int64_t dim, philox::Key key, Options options)
    : options_(completed(dim, std::move(options))),
      norm1_({dim}, {.eps = options_.norm_eps}),
      norm2_({dim}, {.eps = options_.norm_eps}),
      attn_(dim, options_.heads, philox::child(key, 0), attention_options(options_)),
      fc1_(dim, options_.mlp_dim, philox::child(key, 1)),
      fc2_(options_.mlp_dim, dim, philox::child(key, 2)),
      attn_dropout_(options_.dropout),
      hidden_dropout_(options_.dropout),
      mlp_dropout_(options_.dropout) {
  child("norm1", norm1_);
  child("attn", attn_);
  child("attn_dropout", attn_dropout_);
  child("norm2", norm2_);
  child("mlp.fc1", fc1_);
  child("mlp.dropout1", hidden_dropout_);
  child("mlp.fc2", fc2_);
  child("mlp.dropout2", mlp_dropout_);
}

Var Block::attend(Context& ctx, const Var& x, const Var& padding) const {
  return attn_dropout_(
      ctx, attn_.attend(
               ctx, {.query = x, .key_padding_mask = padding, .is_causal = options_.is_causal}));
}

Var Block::mlp(Context& ctx, const Var& x) const {
  const Var hidden = hidden_dropout_(ctx, options_.activation(fc1_(ctx, x)));
  return mlp_dropout_(ctx, fc2_(ctx, hidden));
}

Var Block::evaluate(Context& ctx, Var x, const Var& padding) const {
  if (options_.norm_first) {
    x = add(x, attend(ctx, norm1_(ctx, x), padding));
    return add(x, mlp(ctx, norm2_(ctx, x)));
  }
  x = norm1_(ctx, add(x, attend(ctx, x, padding)));
  return norm2_(ctx, add(x, mlp(ctx, x)));
}

Var Block::forward(Context& ctx, Var x) const {
  return evaluate(ctx, std::move(x), {});
}

Var Block::encode(Context& ctx, Var x, const Var& padding) const {
  return within(
      ctx, [&] { return ctx.tap(evaluate(ctx, ctx.tap(std::move(x), "in"), padding), "out"); });
}

void draw_normal(const Module& module, double std, philox::Key key) {
  std::uint64_t index = 0;
  for (const auto& [path, handle] : module.named_parameters()) {
    const philox::Key own = philox::child(key, index++);
    if (handle->value.rank() >= 2)
      handle->value = normal_init(handle->value.shape(), 0, std, own);
    else if (path.ends_with("bias"))
      handle->value = Tensor::zeros(handle->value.shape());
  }
}

}  // namespace sonde::nn
