/// @file
/// Bit strings as sentences for a language model: start, bits, separator, answer, end. Huang et al.
/// 2024, "A formal framework for understanding length generalization in transformers",
/// arXiv:2410.02140.
#pragma once

#include "experiments/boolean/training.hpp"
#include "nn/models/gpt.hpp"

namespace sonde::experiments {

/// Tokens 0 and 1 are bits and answers.
enum SentenceToken : std::int64_t { bos = 2, sep = 3, eos = 4, pad = 5, sentence_tokens = 6 };
/// What is no label of a loss.
inline constexpr std::int64_t unlabelled = -100;

struct SentenceOptions {
  std::int64_t strings = 64;
  std::int64_t shortest = 1, longest = 10;  ///< bits; the length of each string is uniform
  std::int64_t positions = 24;              ///< a sentence begins at a random one at which it fits
  /// The number of ones is uniform, and not the string: as the authors draw PARITY's, where long
  /// random strings would all be half ones.
  bool uniform_ones = false;
};

/// Sentences i64 [strings, longest + 4, 3]: token, position and what shall follow, which is
/// labelled at the separator (the answer) and at the answer (the end) alone. Shorter ones are
/// padded. The answer is the target's label, 0 or 1. Error(value) on sizes that do not fit.
BitSource sentences(const Target& target, const SentenceOptions& options);

struct SentenceModelOptions {
  std::int64_t positions = 24;
  std::int64_t width = 64, layers = 2, heads = 2;
};

/// nn::Gpt ("gpt") on sentences [B, T, 3]: logits [B, T, sentence_tokens] of what follows.
class SentenceModel final : public nn::Module {
 public:
  using Options = SentenceModelOptions;

  SentenceModel(philox::Key key, Options options = {});
  /// Error(shape) unless `rows` are sentences; errors of nn::Gpt.
  Var forward(nn::Context& ctx, Var rows) const override;
  std::string description() const override { return "SentenceModel"; }

 private:
  nn::Gpt gpt_;
};

/// Cross-entropy of the logits over what is labelled.
Var sentence_loss(const Var& logits, const Tensor& rows);
/// The share of sentences of which all that is labelled has the greatest logit: what a model that
/// writes its likeliest token would write.
double right_sentences(const Tensor& logits, const Tensor& rows);

}  // namespace sonde::experiments
