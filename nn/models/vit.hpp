/// @file
/// The vision transformer and its variants for small images.
#pragma once

#include <memory>

#include "nn/conv.hpp"
#include "nn/models/image.hpp"
#include "nn/transformer.hpp"

namespace sonde::nn {

/// How an image becomes tokens.
enum class PatchEmbedding {
  conv,    ///< a linear map of each patch, as a convolution: "proj"
  normed,  ///< LayerNorm, Linear, LayerNorm of each patch: "norm", "proj", "out_norm" (SimpleViT)
  /// Shifted patch tokenisation (Lee et al., arXiv:2112.13492): LayerNorm and Linear of each patch
  /// of the image beside the image moved by one pixel to each side: "norm", "proj".
  shifted,
};

/// [B, C, H, W] to tokens [B, T, dim].
class PatchEmbed final : public Module {
 public:
  /// Error(value) unless the patches fit.
  PatchEmbed(const ImageSpec& spec, std::int64_t patch_size, std::int64_t dim, PatchEmbedding kind,
             philox::Key key);
  Var forward(Context& ctx, Var x) const override;
  std::string description() const override { return "PatchEmbed"; }

 private:
  PatchEmbedding kind_;
  std::int64_t patch_size_;
  std::unique_ptr<Conv2d> conv_;
  std::unique_ptr<LayerNorm> norm_, out_norm_;
  std::unique_ptr<Linear> linear_;
};

/// Sines and cosines of 2-d positions (Beyer, Zhai and Kolesnikov 2022, arXiv:2205.01580), [rows *
/// columns, dim] in f64: quarters sin(x w), cos(x w), sin(y w), cos(y w), where the dim / 4
/// frequencies w go from 1 to 1/10000. Error(value) unless dim is a multiple of 4 and at least 8.
Tensor sincos_positions(std::int64_t rows, std::int64_t columns, std::int64_t dim);

enum class Positions {
  learned,  ///< "pos_embed" [1, tokens, dim]
  sincos,   ///< sincos_positions, not a parameter; a class token has none
};
enum class Pooling {
  mean,  ///< over all tokens
  cls,   ///< the class token, "cls_token" [1, 1, dim], which is put before the others
};

/// The default is the ViT-tiny of the sensitivity study: 104 842 parameters on 28 x 28 x 1.
struct VitOptions {
  std::int64_t patch_size = 4;
  std::int64_t dim = 64, depth = 3, heads = 4, head_dim = 16, mlp_dim = 128;
  PatchEmbedding embedding = PatchEmbedding::conv;
  Positions positions = Positions::learned;
  Pooling pooling = Pooling::mean;
  AttentionScore score = AttentionScore::softmax;
  /// Locality attention (Lee et al., arXiv:2112.13492): learned temperature, and no token sees
  /// itself.
  bool locality = false;
  bool qkv_bias = false, out_bias = true;
  double norm_eps = 1e-5;
  double dropout = 0;
  double position_std = 1;  ///< of the initial values of positions and class token
  bool norm_first = true;   ///< false: norms behind the residuals, as torch.nn's default
  Pointwise activation = [](const Var& x) { return gelu(x); };  ///< of the blocks' MLPs
};

/// Vision transformer (Dosovitskiy et al. 2020, arXiv:2010.11929): "patch_embed", positions, a
/// TransformerEncoder (norms first and GELU by default) with a norm at its end
/// ("encoder.layers.0.self_attn...." to "encoder.norm"), pooling, "head".
class Vit final : public Module {
 public:
  using Options = VitOptions;

  Vit(const ImageSpec& spec, philox::Key key, Options options = {});
  Var forward(Context& ctx, Var x) const override;
  std::string description() const override { return "Vit"; }

 private:
  Options options_;
  Handle cls_token_, pos_embed_;
  Handle fixed_positions_;  // f64: as exact as the model can use them
  PatchEmbed patch_embed_;
  Dropout dropout_;
  TransformerEncoder encoder_;
  Linear head_;
};

}  // namespace sonde::nn
