/// @file
/// One head of self-attention and a loss of each of its rows, as far as second derivatives need
/// them. Ormaniec, Dangel and Singh, "What Does It Mean to Be a Transformer? Insights from a
/// Theoretical Hessian Analysis", 2025 (arXiv:2410.10986).
#pragma once

#include "analysis/output_loss.hpp"
#include "analysis/point.hpp"
#include "nn/attention_weights.hpp"

namespace sonde {

struct AttentionOptions {
  /// softmax, or linear (the scores themselves are the weights); Error(value) for others.
  nn::AttentionScore score = nn::AttentionScore::softmax;
  bool causal = false;     ///< token i sees the tokens 0 .. i
  double temperature = 1;  ///< t > 0, which divides the scores
};

/// F = A X W_V with weights A of the scores T = X W_Q W_K' X' / (t sqrt(k)), for one sequence of L
/// tokens in d dimensions. Without w_k, w_q is the single matrix W_QK and T = X W_QK X' / t. A
/// layer behind a LayerNorm has the normalised tokens as x. All tensors are f64.
struct AttentionLayer {
  Tensor x;                    ///< [L, d]
  Tensor w_q;                  ///< [d, k], or W_QK [d, d]
  Tensor w_k;                  ///< [d, k], or empty
  Tensor w_v;                  ///< [d, v]
  AttentionOptions options{};  ///< the variant
};

/// Error(shape), Error(dtype), Error(value) if the layer's tensors do not fit together.
void check(const AttentionLayer& layer);
/// Where the layer's Hessian is taken: the blocks W_Q, W_K, W_V (or W_QK, W_V), in this order, and
/// their values.
Point attention_point(const AttentionLayer& layer);
/// What the products of queries and keys are multiplied by: 1 / (t sqrt(k)), or 1 / t without w_k.
double score_scale(const AttentionLayer& layer);

/// bool [L, L], true where token i sees token j.
Var causal_mask(std::int64_t length, Device device = {});
/// A [L, L] for tokens x and weights {W_Q, W_K, W_V} or {W_QK, W_V}; for transforms.
Var attention_matrix(const Var& x, const Vars& weights, const AttentionOptions& options);
/// F [L, v] = A x W_V.
Var attention_output(const Var& x, const Vars& weights, const AttentionOptions& options);
Tensor attention_output(const AttentionLayer& layer);

/// First and second derivative of a loss by the output F of a layer, of which each row has its own
/// part.
struct RowLoss {
  Tensor gradient;  ///< g [L, v], rows dl/dF_i
  Tensor hessian;   ///< Lambda [L, v, v], d2l/dF_i dF_i
};
/// Of mse_loss(Y), which is |F - Y|^2 / (L v): g_i = c (F - Y)_i and Lambda_i = c I with
/// c = 2 / (L v). Of cross_entropy_loss(classes), with p_i = softmax(F_i): g_i = (p_i - onehot_i) /
/// L and Lambda_i = (diag(p_i) - p_i p_i') / L.
RowLoss row_loss(const Likelihood& loss, const Tensor& output);

}  // namespace sonde
