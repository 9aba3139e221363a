/// @file
/// A decoder of text.
#pragma once

#include <memory>

#include "nn/embedding.hpp"
#include "nn/transformer.hpp"

namespace sonde::nn {

struct GptOptions {
  std::int64_t vocab = 256;    ///< number of tokens
  std::int64_t context = 128;  ///< longest sequence
  std::int64_t dim = 128, depth = 4, heads = 4;
  std::int64_t mlp_dim = 0;  ///< 0: 4 dim
  AttentionScore score = AttentionScore::softmax;
  bool tied = true;  ///< "lm_head.weight" is "wte.weight"
  double dropout = 0;
  double init_std = 0.02;
};

/// Logits from features by a weight of another module, which it holds as its own "weight".
class TiedHead final : public Module {
 public:
  explicit TiedHead(const Handle& weight) : weight_(weight) { tie("weight", weight); }
  Var forward(Context& ctx, Var x) const override;
  std::string description() const override { return "TiedHead"; }

 private:
  Handle weight_;
};

/// Tokens [B, T] to logits [B, T, vocab] of the token after each: embeddings "wte" of tokens and
/// "wpe" of positions, a causal TransformerEncoder with norms first, GELU and a norm at its end
/// ("encoder"), "lm_head" (Radford et al. 2019, "Language models are unsupervised multitask
/// learners"). Initial values as there: matrices normal with init_std, those that end a branch with
/// init_std / sqrt(2 depth), biases 0.
class Gpt final : public Module {
 public:
  using Options = GptOptions;

  explicit Gpt(philox::Key key, Options options = {});
  /// Error(shape) unless x is [B, T] with T up to `context`; errors of Embedding.
  Var forward(Context& ctx, Var x) const override;
  /// The same for tokens that stand at other positions than 0, 1, ...: i64 [B, T], below `context`.
  Var predict(Context& ctx, const Var& tokens, const Var& positions) const;
  std::string description() const override { return "Gpt"; }

 private:
  Var evaluate(Context& ctx, const Var& tokens, const Var& positions) const;

  Options options_;
  Embedding tokens_, positions_;
  Dropout dropout_;
  TransformerEncoder encoder_;
  std::unique_ptr<Module> head_;
};

}  // namespace sonde::nn
