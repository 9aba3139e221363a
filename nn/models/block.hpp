/// @file
/// The block that the transformers of this folder are made of.
#pragma once

#include "autograd/ops/activation.hpp"
#include "nn/attention.hpp"
#include "nn/dropout.hpp"
#include "nn/mlp.hpp"
#include "nn/norm.hpp"

namespace sonde::nn {

struct BlockOptions {
  std::int64_t heads = 4;
  std::int64_t head_dim = 0;  ///< 0: dim / heads
  std::int64_t mlp_dim = 0;   ///< 0: 4 dim
  Pointwise activation = [](const Var& x) { return gelu(x); };
  AttentionScore score = AttentionScore::softmax;
  bool qkv_bias = true, out_bias = true;
  bool learned_temperature = false, mask_diagonal = false;  ///< see MultiHeadAttentionOptions
  bool is_causal = false;
  bool norm_first = true;
  double norm_eps = 1e-5;
  double dropout = 0;  ///< of attention weights, and after every linear layer but qkv
};

/// A transformer block on x [B, T, dim] with timm's names ("norm1", "attn.qkv", "attn.proj",
/// "norm2", "mlp.fc1", "mlp.fc2"): x + attn(norm1(x)), then x + mlp(norm2(x)); without norm_first
/// norm1(x + attn(x)), then norm2(x + mlp(x)).
class Block final : public Module {
 public:
  using Options = BlockOptions;

  Block(std::int64_t dim, philox::Key key, Options options);
  Var forward(Context& ctx, Var x) const override;
  /// `padding` [B, T], bool: true where no query sees the token.
  Var encode(Context& ctx, Var x, const Var& padding) const;
  std::string description() const override { return "Block"; }

 private:
  Var evaluate(Context& ctx, Var x, const Var& padding) const;
  Var attend(Context& ctx, const Var& x, const Var& padding) const;
  Var mlp(Context& ctx, const Var& x) const;

  Options options_;
  LayerNorm norm1_, norm2_;
  MultiHeadAttention attn_;
  Linear fc1_, fc2_;
  Dropout attn_dropout_, hidden_dropout_, mlp_dropout_;
};

/// GPT-2's and BERT's initial values for everything below `module`: matrices normal with this
/// standard deviation, biases 0.
void draw_normal(const Module& module, double std, philox::Key key);

}  // namespace sonde::nn
