/// @file
/// An encoder of text, with a classifier.
#pragma once

#include "nn/embedding.hpp"
#include "nn/transformer.hpp"

namespace sonde::nn {

/// What the classifier of a text looks at.
enum class TextPooling {
  first,  ///< the first token
  mean,   ///< the mean of the tokens that are no padding
};

/// The default is the RoBERTa that the sensitivity study trains from scratch, 20 428 034
/// parameters.
struct BertOptions {
  std::int64_t vocab = 50'265;
  std::int64_t dim = 256, depth = 4, heads = 8, mlp_dim = 3072;
  std::int64_t max_positions = 514;  ///< rows of the position embedding
  std::int64_t position_offset = 2;  ///< row of the first position; BERT: 0
  std::int64_t token_types = 1;      ///< BERT: 2
  std::int64_t padding_idx = 1;      ///< the token that no other sees; BERT: 0
  std::int64_t classes = 2;
  TextPooling pooling = TextPooling::first;
  AttentionScore score = AttentionScore::softmax;
  double norm_eps = 1e-5;  ///< BERT: 1e-12
  double dropout = 0.1;
  double init_std = 0.02;
};

/// Tokens [B, T] to logits [B, classes]: the sum of the embeddings of token, position and type,
/// normed; a TransformerEncoder with norms last and GELU ("encoder"); then
/// classifier(tanh(pooler(pooled))) (Devlin et al. 2018, arXiv:1810.04805; Liu et al. 2019,
/// arXiv:1907.11692). The embeddings have Hugging Face's names, "embeddings.word_embeddings" and so
/// on. Initial values as there: matrices normal with init_std, biases 0.
class Bert final : public Module {
 public:
  using Options = BertOptions;

  explicit Bert(philox::Key key, Options options = {});
  /// Error(shape) unless x is [B, T] with T up to the positions there are; errors of Embedding.
  Var forward(Context& ctx, Var x) const override;
  /// The same with the type of each token [B, T]; 0 if empty.
  Var classify(Context& ctx, const Var& tokens, const Var& types) const;
  std::string description() const override { return "Bert"; }

 private:
  Var evaluate(Context& ctx, const Var& tokens, const Var& types) const;
  Var embed(Context& ctx, const Var& tokens, const Var& types) const;
  Var pooled(const Var& x, const Var& padding) const;

  Options options_;
  Embedding words_, positions_, types_;
  LayerNorm norm_;
  Dropout dropout_, pooled_dropout_, head_dropout_;
  TransformerEncoder encoder_;
  Linear pooler_, classifier_;
};

}  // namespace sonde::nn
