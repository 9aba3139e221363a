/// @file
/// Multi-head attention (Vaswani et al. 2017, arXiv:1706.03762) and its variants.
#pragma once

#include <memory>
#include <optional>

#include "nn/attention_weights.hpp"
#include "nn/dropout.hpp"
#include "nn/linear.hpp"

namespace sonde::nn {

/// How the projections of queries, keys and values are stored, and what they are called.
enum class QkvWeights {
  /// torch.nn.MultiheadAttention: in_proj_weight [3 inner, embed_dim] (q_proj_weight,
  /// k_proj_weight, v_proj_weight if kdim or vdim is given), in_proj_bias [3 inner]; out_proj.
  in_proj,
  /// timm: qkv.weight [3 inner, embed_dim], qkv.bias; proj. Self-attention only.
  qkv,
  /// q_proj, k_proj, v_proj and out_proj, a Linear each.
  separate,
};

struct MultiHeadAttentionOptions {
  std::int64_t head_dim = 0;        ///< 0: embed_dim / heads; inner = heads * head_dim
  std::int64_t kdim = 0, vdim = 0;  ///< features of keys and of values; 0: embed_dim
  AttentionScore score = AttentionScore::softmax;
  std::optional<double> scale{};  ///< of q k'; 1 / sqrt(head_dim) if not given
  /// The scale is exp(temperature), a parameter that begins at log(scale) (Lee et al.,
  /// arXiv:2112.13492).
  bool learned_temperature = false;
  bool mask_diagonal = false;  ///< query i does not see key i (the same paper)
  QkvWeights weights = QkvWeights::in_proj;
  bool qkv_bias = true, out_bias = true;
  bool out_proj = true;       ///< false: the output is the heads side by side, [..., inner]
  double dropout = 0;         ///< of the weights, in training
  bool batch_first = false;   ///< [B, T, features] instead of [T, B, features]
  bool need_weights = false;  ///< computes weights, which the tap sees, where a kernel needs none
};

/// What attention is called with; shapes for batch_first = false. Masks follow
/// torch.nn.MultiheadAttention: true hides, unlike in scaled_dot_product_attention.
struct AttentionInputs {
  Var query;    ///< [T, B, embed_dim], or [T, embed_dim] for a single sequence
  Var key{};    ///< [S, B, kdim]; empty: the query
  Var value{};  ///< [S, B, vdim]; empty: the key
  /// [T, S], [B * heads, T, S] or four axes that broadcast to [B, heads, T, S]: bool, true where
  /// the key is hidden; or of the query's type, added to the scores, where -inf hides.
  Var attn_mask{};
  Var key_padding_mask{};  ///< [B, S] ([S] for a single sequence), of the same two kinds
  bool is_causal = false;  ///< query i sees the keys 0 .. i, also beside masks
};

/// heads attentions of head_dim features each, side by side, then a linear map ("out_proj"):
///   head = weights(scale q k' + masks) v, with q, k, v linear in query, key and value.
/// A query that sees no key gets zeros from every head (PyTorch: NaN), so the bias of out_proj.
/// Softmax without dropout runs as one kernel, which takes q, k and v where the projection leaves
/// them. Self-attention by packed weights has one product for q, k and v.
///
/// Initial values are PyTorch's: in_proj Xavier-uniform with zero biases, also of out_proj; the
/// other layouts those of Linear. Taps: "in", "out"; "key", "value" if given; "q", "k", "v" and
/// "heads" [B, heads, T, head_dim]; "weights" [B, heads, T, S] before dropout, where they exist.
class MultiHeadAttention final : public Module {
 public:
  using Options = MultiHeadAttentionOptions;

  /// Error(value) for sizes that are not positive, heads that do not divide embed_dim, a dropout
  /// outside [0, 1], or qkv with kdim or vdim.
  MultiHeadAttention(std::int64_t embed_dim, std::int64_t heads, philox::Key key,
                     Options options = {});
  /// Self-attention without masks.
  Var forward(Context& ctx, Var x) const override;
  /// [T, B, embed_dim]. Error(shape, dtype, broadcast) for inputs that do not fit; Error(value) for
  /// a key or value of its own with QkvWeights::qkv.
  Var attend(Context& ctx, const AttentionInputs& inputs) const;
  std::string description() const override;

 private:
  struct Heads {
    Var q, k, v;
  };
  void add_linear(std::unique_ptr<Linear>& to, std::string name, std::int64_t in, std::int64_t out,
                  philox::Key key, bool bias);
  void add_projections(philox::Key key);
  Var evaluate(Context& ctx, AttentionInputs in) const;
  void check(const AttentionInputs& in) const;
  Vars cut(const Var& packed, std::int64_t count) const;
  Vars project(Context& ctx, const AttentionInputs& in) const;
  Vars project_by_in_proj(Context& ctx, const AttentionInputs& in) const;
  Heads heads_of(Context& ctx, const AttentionInputs& in) const;
  AttentionMask mask_of(const AttentionInputs& in, const Heads& h) const;
  Var weighted(Context& ctx, const Heads& h, AttentionMask mask, bool is_causal) const;
  double scale() const;

  std::int64_t embed_dim_, heads_, head_dim_;
  bool packed_;  // query, key and value have one size, so their weights are one tensor
  Options options_;
  Handle in_proj_[3], in_proj_bias_, temperature_;  // one in_proj if packed
  std::unique_ptr<Linear> linears_[3], out_proj_;   // one linear if packed
  Dropout dropout_;
};

}  // namespace sonde::nn
