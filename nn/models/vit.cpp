#include "nn/models/vit.hpp"

#include <cmath>

#include "autograd/ops.hpp"
#include "nn/init.hpp"

namespace sonde::nn {
namespace {

std::int64_t token_count(const ImageSpec& spec, std::int64_t patch_size) {
  if (patch_size < 1 || spec.height % patch_size != 0 || spec.width % patch_size != 0)
    fail(ErrorCode::value, "vit", "an image of {} x {} has no patches of {}", spec.height,
         spec.width, patch_size);
  return spec.height / patch_size * (spec.width / patch_size);
}

// x [B, C, H, W] moved by `by` (1 or -1) along `axis`; zeros enter.
Var moved(const Var& x, std::int64_t axis, std::int64_t by) {
  Dims before{0, 0, 0, 0}, after{0, 0, 0, 0};
  (by > 0 ? before : after)[static_cast<int>(axis)] = 1;
  const std::int64_t size = x.size(axis);
  return pad(by > 0 ? slice(x, axis, 0, size - 1) : slice(x, axis, 1, size), before, after);
}

// The image, and the image moved right, left, down and up, as channels.
Var with_shifts(const Var& x) {
  return concat({x, moved(x, 3, 1), moved(x, 3, -1), moved(x, 2, 1), moved(x, 2, -1)}, 1);
}

TransformerOptions encoder_options(const VitOptions& o) {
  return {.layer = {.dim_feedforward = o.mlp_dim,
                    .dropout = o.dropout,
                    .activation = o.activation,
                    .layer_norm_eps = o.norm_eps,
                    .batch_first = true,
                    .norm_first = o.norm_first,
                    .attention = {.head_dim = o.head_dim,
                                  .score = o.score,
                                  .learned_temperature = o.locality,
                                  .mask_diagonal = o.locality,
                                  .qkv_bias = o.qkv_bias,
                                  .out_bias = o.out_bias}},
          .norm = true};
}

}  // namespace

PatchEmbed::PatchEmbed(const ImageSpec& spec, std::int64_t patch_size, std::int64_t dim,
                       PatchEmbedding kind, philox::Key key)
    : kind_(kind), patch_size_(patch_size) {
  token_count(spec, patch_size);
  if (kind == PatchEmbedding::conv) {
    const Size2 size{patch_size, patch_size};
    conv_ = std::make_unique<Conv2d>(spec.channels, dim, size, key, Conv2dOptions{.stride = size});
    child("proj", *conv_);
    return;
  }
  const std::int64_t images = kind == PatchEmbedding::shifted ? 5 : 1;
  const std::int64_t features = images * spec.channels * patch_size * patch_size;
  norm_ = std::make_unique<LayerNorm>(Dims{features});
  linear_ = std::make_unique<Linear>(features, dim, key);
  child("norm", *norm_);
  child("proj", *linear_);
  if (kind != PatchEmbedding::normed) return;
  out_norm_ = std::make_unique<LayerNorm>(Dims{dim});
  child("out_norm", *out_norm_);
}

Var PatchEmbed::forward(Context& ctx, Var x) const {
  if (conv_) return transpose(flatten((*conv_)(ctx, std::move(x)), 2), 1, 2);
  if (kind_ == PatchEmbedding::shifted) x = with_shifts(x);
  x = (*linear_)(ctx, (*norm_)(ctx, patches(x, {patch_size_, patch_size_})));
  return out_norm_ ? (*out_norm_)(ctx, std::move(x)) : x;
}

Tensor sincos_positions(std::int64_t rows, std::int64_t columns, std::int64_t dim) {
  if (dim < 8 || dim % 4 != 0)
    fail(ErrorCode::value, "sincos_positions", "{} features are no four times two or more", dim);
  const std::int64_t quarter = dim / 4;
  Tensor out = Tensor::empty({rows * columns, dim}, DType::f64);
  double* p = out.mutable_data<double>();
  for (std::int64_t y = 0; y < rows; ++y)
    for (std::int64_t x = 0; x < columns; ++x, p += dim)
      for (std::int64_t i = 0; i < quarter; ++i) {
        const double w = std::pow(1e4, -static_cast<double>(i) / static_cast<double>(quarter - 1));
        p[i] = std::sin(static_cast<double>(x) * w);
        p[quarter + i] = std::cos(static_cast<double>(x) * w);
        p[2 * quarter + i] = std::sin(static_cast<double>(y) * w);
        p[3 * quarter + i] = std::cos(static_cast<double>(y) * w);
      }
  return out;
}

Vit::Vit(const ImageSpec& spec, philox::Key key, Options options)
    : options_(options),
      patch_embed_(spec, options.patch_size, options.dim, options.embedding, philox::child(key, 0)),
      dropout_(options.dropout),
      encoder_(options.dim, options.heads, options.depth, philox::child(key, 4),
               encoder_options(options)),
      head_(options.dim, spec.classes, philox::child(key, 1)) {
  const bool cls = options.pooling == Pooling::cls;
  const std::int64_t tokens = token_count(spec, options.patch_size) + (cls ? 1 : 0);
  if (cls)
    cls_token_ = parameter("cls_token", normal_init({1, 1, options.dim}, 0, options.position_std,
                                                    philox::child(key, 2)));
  if (options.positions == Positions::learned)
    pos_embed_ = parameter("pos_embed", normal_init({1, tokens, options.dim}, 0,
                                                    options.position_std, philox::child(key, 3)));
  else
    fixed_positions_ = buffer("fixed_positions",
                              sincos_positions(spec.height / options.patch_size,
                                               spec.width / options.patch_size, options.dim),
                              false);
  child("patch_embed", patch_embed_);
  child("dropout", dropout_);
  child("encoder", encoder_);
  child("head", head_);
}

Var Vit::forward(Context& ctx, Var x) const {
  x = patch_embed_(ctx, std::move(x));
  if (!pos_embed_) x = add(x, sonde::to(ctx[fixed_positions_], x.dtype()));
  if (cls_token_) x = concat({broadcast_to(ctx[cls_token_], {x.size(0), 1, options_.dim}), x}, 1);
  if (pos_embed_) x = add(x, ctx[pos_embed_]);
  x = dropout_(ctx, std::move(x));
  x = encoder_(ctx, std::move(x));
  return head_(ctx, cls_token_ ? select(x, 1, 0) : mean(x, {1}));
}

}  // namespace sonde::nn
