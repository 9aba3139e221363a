#include "nn/models/addition.hpp"

#include "autograd/ops.hpp"

namespace sonde::nn {
namespace {

constexpr std::int64_t tokens = 3;

}  // namespace

AdditionTransformer::AdditionTransformer(philox::Key key, Options options)
    : embedding_(options.modulus + 1, options.dim, philox::child(key, 0)),
      attn_(options.dim, options.heads, philox::child(key, 1), {.batch_first = true}),
      fc1_(options.dim, options.mlp_dim, philox::child(key, 2)),
      fc2_(options.mlp_dim, options.dim, philox::child(key, 3)),
      head_(options.dim, options.modulus + 1, philox::child(key, 4)) {
  positions_ = parameter("pos_embed", Tensor::zeros({tokens, options.dim}));
  child("embedding", embedding_);
  child("attn", attn_);
  child("fc1", fc1_);
  child("fc2", fc2_);
  child("head", head_);
}

Var AdditionTransformer::forward(Context& ctx, Var x) const {
  if (x.rank() != 2 || x.size(1) != tokens)
    fail(ErrorCode::shape, "addition_transformer", "tokens {} are not [batch, {}]", x.spec(),
         tokens);
  x = add(embedding_(ctx, std::move(x)), ctx[positions_]);
  const Var last = slice(x, 1, tokens - 1, tokens);
  x = squeeze(attn_.attend(ctx, {.query = last, .key = x}), 1);
  return head_(ctx, fc2_(ctx, relu(fc1_(ctx, std::move(x)))));
}

}  // namespace sonde::nn
