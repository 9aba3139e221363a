/// @file
/// The transformer whose Hessian Ormaniec et al. measure, and kin of it: one head, causal, learned
/// positions, a ReLU network behind, no biases in attention (theirs are 0 and not measured),
/// weights as TransformerLens names and orders them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "experiments/hessian/addition.hpp"
#include "nn/attention_weights.hpp"
#include "nn/module.hpp"

namespace sonde::experiments {

enum class NormPlace { none, pre, post };

struct SmallTransformerOptions {
  std::int64_t width = 16, layers = 1;
  nn::AttentionScore score = nn::AttentionScore::softmax;
  NormPlace norm = NormPlace::none;
  std::int64_t heads = 1;      ///< divides width
  bool single_matrix = false;  ///< scores x W_QK x' in place of x W_Q W_K' x' / sqrt(width / heads)
  double temperature = 1;      ///< divides the scores
  bool mlp = true;             ///< without it, attention alone
  double residual = 1;         ///< factor of what passes attention by
  double embedding_std = 0.2;  ///< of tokens' and positions' embeddings, each
};

/// Tokens i64 [n, T] to logits [n, T, vocabulary], f64. Weights are N(0, (0.8 / sqrt(width))^2),
/// the embeddings embedding_std times standard normal numbers that do not depend on it.
class SmallTransformer final : public nn::Module {
 public:
  /// Error(value) unless the heads divide the width, and are one where there is a single matrix.
  SmallTransformer(const SmallTransformerOptions& options, philox::Key key);
  Var forward(nn::Context& ctx, Var tokens) const override;
  /// Logits where an answer's digit comes next, [n answers, vocabulary].
  Var answer_logits(nn::Context& ctx, const Var& tokens) const;

 private:
  class Norm;
  class Attention;
  class Mlp;
  class Layer;
  class Embed;
  class PosEmbed;
  class Unembed;
  std::vector<std::unique_ptr<nn::Module>> parts_;  // one after the other
};

}  // namespace sonde::experiments
