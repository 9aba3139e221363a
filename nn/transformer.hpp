/// @file
/// The encoder and decoder of the transformer (Vaswani et al. 2017, arXiv:1706.03762), with the
/// names and defaults of torch.nn.
#pragma once

#include <memory>
#include <vector>

#include "autograd/ops/activation.hpp"
#include "nn/attention.hpp"
#include "nn/mlp.hpp"
#include "nn/norm.hpp"

namespace sonde::nn {

struct TransformerLayerOptions {
  std::int64_t dim_feedforward = 2048;
  double dropout = 0.1;  ///< of weights of attention, hidden units and each sublayer's output
  Pointwise activation = [](const Var& x) { return relu(x); };
  double layer_norm_eps = 1e-5;
  bool batch_first = false;  ///< [B, T, d_model] instead of [T, B, d_model]
  bool norm_first = false;   ///< x + f(norm(x)) (pre-LN) instead of norm(x + f(x)) (post-LN)
  bool bias = true;          ///< of linear maps and norms
  /// Score functions and the like. dropout and batch_first are those above, and without `bias`
  /// there is none here; the decoder's attention to the memory has no masked diagonal.
  MultiHeadAttentionOptions attention{};
};

/// What an encoder is called with; shapes for batch_first = false, masks as in AttentionInputs:
/// true hides.
struct EncoderInputs {
  Var src;                     ///< [T, B, d_model], or [T, d_model] for a single sequence
  Var mask{};                  ///< [T, T] and the other shapes of AttentionInputs::attn_mask
  Var src_key_padding_mask{};  ///< [B, T]
  bool is_causal = false;      ///< position i sees 0 .. i, also beside a mask
};

/// What a decoder is called with.
struct DecoderInputs {
  Var tgt;            ///< [T, B, d_model], or [T, d_model] for a single sequence
  Var memory;         ///< [S, B, d_model]: an encoder's output
  Var tgt_mask{};     ///< [T, T]
  Var memory_mask{};  ///< [T, S]
  Var tgt_key_padding_mask{}, memory_key_padding_mask{};  ///< [B, T], [B, S]
  bool tgt_is_causal = false, memory_is_causal = false;
};

/// What encoder and decoder layers share: linear2(dropout(activation(linear1(x)))), and how a
/// sublayer, its norm, its dropout and the residual stand together.
class TransformerLayer : public Module {
 protected:
  TransformerLayer(std::int64_t d_model, std::int64_t sublayers, philox::Key key,
                   TransformerLayerOptions options);
  /// The attention's options as the layer's say.
  static MultiHeadAttentionOptions attention_options(const TransformerLayerOptions& options);
  /// Registers linear1, dropout, linear2, norm1, ..., dropout1, ...
  void add_children();
  Var feed_forward(Context& ctx, const Var& x) const;
  /// Sublayer `i`: x + f(norm(x)) or norm(x + f(x)), with dropout of f's output.
  template <class F>
  Var residual(Context& ctx, std::size_t i, const Var& x, const F& f) const;
  std::string describe(std::string_view name) const;

 private:
  std::int64_t d_model_;
  TransformerLayerOptions options_;
  Linear linear1_, linear2_;
  Dropout dropout_;
  std::vector<std::unique_ptr<LayerNorm>> norms_;
  std::vector<std::unique_ptr<Dropout>> dropouts_;
};

/// Self-attention ("self_attn"), then two linear maps ("linear1", "linear2"), each with a norm and
/// a residual.
class TransformerEncoderLayer final : public TransformerLayer {
 public:
  using Options = TransformerLayerOptions;

  /// Error(value) for sizes, dropout or eps out of range.
  TransformerEncoderLayer(std::int64_t d_model, std::int64_t nhead, philox::Key key,
                          Options options = {});
  /// encode(ctx, {x})
  Var forward(Context& ctx, Var x) const override;
  /// [T, B, d_model]. Errors as MultiHeadAttention::attend.
  Var encode(Context& ctx, const EncoderInputs& inputs) const;
  std::string description() const override { return describe("TransformerEncoderLayer"); }

 private:
  Var evaluate(Context& ctx, const EncoderInputs& in) const;
  MultiHeadAttention self_attn_;
};

/// Self-attention ("self_attn"), attention to the memory ("multihead_attn"), then two linear maps.
class TransformerDecoderLayer final : public TransformerLayer {
 public:
  using Options = TransformerLayerOptions;

  /// Error(value) for sizes, dropout or eps out of range, and for QkvWeights::qkv.
  TransformerDecoderLayer(std::int64_t d_model, std::int64_t nhead, philox::Key key,
                          Options options = {});
  /// Error(usage): a decoder needs a memory as well.
  Var forward(Context& ctx, Var x) const override;
  /// [T, B, d_model]. Errors as MultiHeadAttention::attend.
  Var decode(Context& ctx, const DecoderInputs& inputs) const;
  std::string description() const override { return describe("TransformerDecoderLayer"); }

 private:
  MultiHeadAttention self_attn_, multihead_attn_;
};

struct TransformerOptions {
  TransformerLayerOptions layer{};
  bool norm = false;  ///< a LayerNorm after the last layer, "norm"; pre-LN wants one
};

/// Encoder layers "layers.0", ... one after another. PyTorch begins with copies of one layer, here
/// each has initial values of its own.
class TransformerEncoder final : public Module {
 public:
  using Options = TransformerOptions;

  /// Error(value) unless num_layers is positive; errors as the layer's.
  TransformerEncoder(std::int64_t d_model, std::int64_t nhead, std::int64_t num_layers,
                     philox::Key key, Options options = {});
  Var forward(Context& ctx, Var x) const override;
  Var encode(Context& ctx, const EncoderInputs& inputs) const;
  std::string description() const override { return "TransformerEncoder"; }

 private:
  Var evaluate(Context& ctx, EncoderInputs in) const;
  std::vector<std::unique_ptr<TransformerEncoderLayer>> layers_;
  std::unique_ptr<LayerNorm> norm_;
};

/// Decoder layers "layers.0", ... one after another.
class TransformerDecoder final : public Module {
 public:
  using Options = TransformerOptions;

  /// Errors as TransformerEncoder.
  TransformerDecoder(std::int64_t d_model, std::int64_t nhead, std::int64_t num_layers,
                     philox::Key key, Options options = {});
  /// Error(usage): a decoder needs a memory as well.
  Var forward(Context& ctx, Var x) const override;
  Var decode(Context& ctx, const DecoderInputs& inputs) const;
  std::string description() const override { return "TransformerDecoder"; }

 private:
  std::vector<std::unique_ptr<TransformerDecoderLayer>> layers_;
  std::unique_ptr<LayerNorm> norm_;
};

}  // namespace sonde::nn
