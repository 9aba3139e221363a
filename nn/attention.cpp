#include "nn/attention.hpp"

#include <cmath>

#include "autograd/ops.hpp"
#include "nn/init.hpp"

namespace sonde::nn {
namespace {

constexpr std::string_view op = "multi_head_attention";

Tensor zeros(std::int64_t n) {
  return Tensor::zeros({n});
}

void want(const Var& x, std::string_view what, std::int64_t features) {
  if (x.rank() != 3 || x.size(-1) != features)
    fail(ErrorCode::shape, op, "the {} {} is no sequence, or batch of sequences, of {} features",
         what, x.spec(), features);
}

bool same(const Var& a, const Var& b) {
  return a.get() == b.get();
}

// For queries [..., T, d] and keys [..., S, d] the bools [T, S]: f of the two tokens' numbers.
template <class F>
Var position_mask(const Var& q, const Var& k, F f) {
  return f(unsqueeze(arange(q.size(-2), q.device()), 1), arange(k.size(-2), q.device()));
}

// Consecutive parts of the rows of `packed`; empty ones if there is none.
Vars rows(const Var& packed, const std::vector<std::int64_t>& sizes) {
  if (packed) return split(packed, sizes, 0);
  Vars none;
  none.resize(sizes.size());
  return none;
}

}  // namespace

MultiHeadAttention::MultiHeadAttention(std::int64_t embed_dim, std::int64_t heads, philox::Key key,
                                       Options options)
    : embed_dim_(embed_dim),
      heads_(heads),
      head_dim_(options.head_dim),
      packed_(options.kdim == 0 && options.vdim == 0),
      options_(options),
      dropout_(options.dropout) {
  if (options_.kdim == 0) options_.kdim = embed_dim;
  if (options_.vdim == 0) options_.vdim = embed_dim;
  if (head_dim_ == 0 && heads > 0 && embed_dim % heads == 0) head_dim_ = embed_dim / heads;
  if (embed_dim < 1 || heads < 1 || head_dim_ < 1 || options_.kdim < 1 || options_.vdim < 1)
    fail_hint(ErrorCode::value, op, "give head_dim if heads do not divide embed_dim",
              "embed_dim {}, {} heads of {}, kdim {}, vdim {}", embed_dim, heads, head_dim_,
              options.kdim, options.vdim);
  if (options.weights == QkvWeights::qkv && options.kdim + options.vdim > 0)
    fail(ErrorCode::value, op, "qkv projects one input, so it has no kdim or vdim");
  if (options_.learned_temperature)
    temperature_ = parameter("temperature", Tensor::scalar(std::log(scale())));
  add_projections(key);
  child("dropout", dropout_);
  if (!options_.out_proj) return;
  const bool timm = options_.weights == QkvWeights::qkv;
  add_linear(out_proj_, timm ? "proj" : "out_proj", heads_ * head_dim_, embed_dim,
             philox::child(key, 3), options.out_bias);
  if (options_.weights == QkvWeights::in_proj && options.out_bias)
    out_proj_->named_parameters()[1].handle->value = zeros(embed_dim);
}

void MultiHeadAttention::add_linear(std::unique_ptr<Linear>& to, std::string name, std::int64_t in,
                                    std::int64_t out, philox::Key key, bool bias) {
  to = std::make_unique<Linear>(in, out, key, LinearOptions{.bias = bias});
  child(std::move(name), *to);
}

void MultiHeadAttention::add_projections(philox::Key key) {
  const std::int64_t inner = heads_ * head_dim_;
  const std::int64_t kdim = options_.kdim, vdim = options_.vdim;
  auto xavier = [&](std::string name, std::int64_t out, std::int64_t in, std::uint64_t index) {
    return parameter(std::move(name), xavier_uniform({out, in}, philox::child(key, index)));
  };
  auto linear = [&](int i, std::string name, std::int64_t out, std::int64_t in) {
    const auto index = static_cast<std::uint64_t>(i);
    add_linear(linears_[i], std::move(name), in, out, philox::child(key, index), options_.qkv_bias);
  };
  switch (options_.weights) {
    case QkvWeights::in_proj:
      if (packed_) {
        in_proj_[0] = xavier("in_proj_weight", 3 * inner, embed_dim_, 0);
      } else {
        in_proj_[0] = xavier("q_proj_weight", inner, embed_dim_, 0);
        in_proj_[1] = xavier("k_proj_weight", inner, kdim, 1);
        in_proj_[2] = xavier("v_proj_weight", inner, vdim, 2);
      }
      if (options_.qkv_bias) in_proj_bias_ = parameter("in_proj_bias", zeros(3 * inner));
      break;
    case QkvWeights::qkv:
      linear(0, "qkv", 3 * inner, embed_dim_);
      break;
    case QkvWeights::separate:
      linear(0, "q_proj", inner, embed_dim_);
      linear(1, "k_proj", inner, kdim);
      linear(2, "v_proj", inner, vdim);
  }
}

Var MultiHeadAttention::forward(Context& ctx, Var x) const {
  return evaluate(ctx, {.query = std::move(x)});
}

Var MultiHeadAttention::attend(Context& ctx, const AttentionInputs& inputs) const {
  return within(ctx, [&] {
    AttentionInputs in = inputs;
    if (same(in.value, in.key ? in.key : in.query)) in.value = {};
    if (same(in.key, in.query)) in.key = {};
    in.query = ctx.tap(in.query, "in");
    if (in.key) in.key = ctx.tap(in.key, "key");
    if (in.value) in.value = ctx.tap(in.value, "value");
    return ctx.tap(evaluate(ctx, std::move(in)), "out");
  });
}

Var MultiHeadAttention::evaluate(Context& ctx, AttentionInputs in) const {
  const bool single = in.query.rank() == 2;
  const int batch = options_.batch_first ? 0 : 1;
  if (single) {
    for (Var* x : {&in.query, &in.key, &in.value})
      if (*x) *x = unsqueeze(*x, batch);
    if (in.key_padding_mask) in.key_padding_mask = unsqueeze(in.key_padding_mask, 0);
  }
  if (!in.key) in.key = in.query;
  if (!in.value) in.value = in.key;
  check(in);
  const Heads h = heads_of(ctx, in);
  Var o = ctx.tap(weighted(ctx, h, mask_of(in, h), in.is_causal), "heads");
  o = permute(o, options_.batch_first ? Dims{0, 2, 1, 3} : Dims{2, 0, 1, 3});
  o = reshape(o, {o.size(0), o.size(1), heads_ * head_dim_});
  if (out_proj_) o = (*out_proj_)(ctx, std::move(o));
  return single ? squeeze(o, batch) : o;
}

void MultiHeadAttention::check(const AttentionInputs& in) const {
  want(in.query, "query", embed_dim_);
  want(in.key, "key", options_.kdim);
  want(in.value, "value", options_.vdim);
  const int time = options_.batch_first ? 1 : 0, batch = 1 - time;
  if (in.key.size(time) != in.value.size(time) || in.key.size(batch) != in.query.size(batch) ||
      in.value.size(batch) != in.query.size(batch))
    fail(ErrorCode::shape, op, "query {}, key {} and value {} do not fit together", in.query.spec(),
         in.key.spec(), in.value.spec());
  for (const Var* m : {&in.attn_mask, &in.key_padding_mask})
    if (*m && m->dtype() != DType::boolean && m->dtype() != in.query.dtype())
      fail(ErrorCode::dtype, op, "the mask {} is neither bool nor of the query's type {}",
           m->spec(), in.query.dtype());
}

// [., ., count inner] as `count` views [., ., heads, head_dim].
Vars MultiHeadAttention::cut(const Var& packed, std::int64_t count) const {
  return unstack(reshape(packed, {packed.size(0), packed.size(1), count, heads_, head_dim_}), 2);
}

// Products as few as the sources allow: of packed weights one for query, key and value alike, or
// for key and value alike.
Vars MultiHeadAttention::project_by_in_proj(Context& ctx, const AttentionInputs& in) const {
  const std::int64_t inner = heads_ * head_dim_;
  const Var bias = in_proj_bias_ ? ctx[in_proj_bias_] : Var();
  if (packed_ && same(in.key, in.query) && same(in.value, in.query))
    return cut(linear(in.query, ctx[in_proj_[0]], bias), 3);
  if (packed_ && same(in.value, in.key)) {
    const Vars w = rows(ctx[in_proj_[0]], {inner, 2 * inner});
    const Vars b = rows(bias, {inner, 2 * inner});
    const Vars kv = cut(linear(in.key, w[1], b[1]), 2);
    return make_vars(cut(linear(in.query, w[0], b[0]), 1)[0], kv[0], kv[1]);
  }
  const std::vector<std::int64_t> thirds{inner, inner, inner};
  const Vars b = rows(bias, thirds);
  const Vars w = packed_ ? rows(ctx[in_proj_[0]], thirds)
                         : make_vars(ctx[in_proj_[0]], ctx[in_proj_[1]], ctx[in_proj_[2]]);
  return make_vars(cut(linear(in.query, w[0], b[0]), 1)[0], cut(linear(in.key, w[1], b[1]), 1)[0],
                   cut(linear(in.value, w[2], b[2]), 1)[0]);
}

// q, k, v as [., ., heads, head_dim].
Vars MultiHeadAttention::project(Context& ctx, const AttentionInputs& in) const {
  if (options_.weights == QkvWeights::in_proj) return project_by_in_proj(ctx, in);
  if (options_.weights == QkvWeights::separate)
    return make_vars(cut((*linears_[0])(ctx, in.query), 1)[0],
                     cut((*linears_[1])(ctx, in.key), 1)[0],
                     cut((*linears_[2])(ctx, in.value), 1)[0]);
  if (!same(in.key, in.query) || !same(in.value, in.query))
    fail_hint(ErrorCode::value, op, "choose QkvWeights::in_proj or separate",
              "qkv projects one input; key or value are another");
  return cut((*linears_[0])(ctx, in.query), 3);
}

// Views [B, heads, T, head_dim] of the projections; a learned temperature is in q.
MultiHeadAttention::Heads MultiHeadAttention::heads_of(Context& ctx,
                                                       const AttentionInputs& in) const {
  Vars x = project(ctx, in);
  if (temperature_) x[0] = mul(x[0], exp(ctx[temperature_]));
  const Dims order = options_.batch_first ? Dims{0, 2, 1, 3} : Dims{1, 2, 0, 3};
  return {ctx.tap(permute(x[0], order), "q"), ctx.tap(permute(x[1], order), "k"),
          ctx.tap(permute(x[2], order), "v")};
}

AttentionMask MultiHeadAttention::mask_of(const AttentionInputs& in, const Heads& h) const {
  const Dims scores{h.q.size(0), heads_, h.q.size(2), h.k.size(2)};
  AttentionMask mask;
  if (in.attn_mask) {
    Var m = in.attn_mask;
    if (m.rank() == 3) m = reshape(m, {scores[0], heads_, m.size(1), m.size(2)});
    if (m.rank() < 2 || !(broadcast_shapes(m.shape(), scores, op) == scores))
      fail(ErrorCode::broadcast, op, "attn_mask {} does not broadcast to the scores {}",
           in.attn_mask.spec(), scores);
    mask.hide(m);
  }
  if (in.key_padding_mask) {
    const Var& m = in.key_padding_mask;
    if (!(m.shape() == Dims{scores[0], scores[3]}))
      fail(ErrorCode::shape, op, "key_padding_mask {} is not [{}, {}]", m.spec(), scores[0],
           scores[3]);
    mask.hide(reshape(m, {scores[0], 1, 1, scores[3]}));
  }
  if (options_.mask_diagonal)
    mask.restrict_to(
        position_mask(h.q, h.k, [](const Var& query, const Var& key) { return ne(query, key); }));
  return mask;
}

Var MultiHeadAttention::weighted(Context& ctx, const Heads& h, AttentionMask mask,
                                 bool is_causal) const {
  const bool dropout = ctx.training() && options_.dropout > 0;
  const double factor = temperature_ ? 1 : scale();
  if (options_.score == AttentionScore::softmax && !dropout && !options_.need_weights)
    return scaled_dot_product_attention(h.q, h.k, h.v, mask.merged(), is_causal, factor);
  if (is_causal)
    mask.restrict_to(
        position_mask(h.q, h.k, [](const Var& query, const Var& key) { return ge(query, key); }));
  const Var scores = matmul(factor == 1 ? h.q : mul(h.q, factor), h.k, {.b = true});
  const Var weights = ctx.tap(attention_weights(scores, mask, options_.score), "weights");
  return matmul(dropout_(ctx, weights), h.v);
}

double MultiHeadAttention::scale() const {
  return options_.scale.value_or(1 / std::sqrt(static_cast<double>(head_dim_)));
}

std::string MultiHeadAttention::description() const {
  return fmt::format("MultiHeadAttention({}, {} heads of {}{}{})", embed_dim_, heads_, head_dim_,
                     options_.score == AttentionScore::softmax ? "" : ", ",
                     options_.score == AttentionScore::softmax ? "" : to_string(options_.score));
}

}  // namespace sonde::nn
