/// @file
/// The network that writes down the parities of a string's beginnings before it answers: the
/// scratchpad of Hahn and Rofin (arXiv:2402.09963).
#pragma once

#include "nn/embedding.hpp"
#include "nn/linear.hpp"
#include "nn/transformer.hpp"

namespace sonde::experiments {

struct ScratchpadOptions {
  std::int64_t length = 24;            ///< bits of a string, at most
  std::int64_t width = 32;             ///< d, even
  std::int64_t layers = 2, heads = 2;  ///< of encoder and decoder each
};

/// Parities of the first 1, ..., n bits of strings i64 [B, n] or [B, n, 2]: i64 [B, n].
Tensor prefix_parities(const Tensor& strings);

/// An encoder reads the bits, a decoder writes one number a step: the parity of the bits so far.
/// Both have the norm behind and one more at their end, ReLU networks of width d, and share the
/// embeddings of tokens (0, 1 and the start) and of positions, of half the width each, side by
/// side. Matrices of encoder and decoder begin Xavier-uniform. torch.nn.Transformer between
/// embeddings and a linear map, as the authors have it.
class ScratchpadNet final : public nn::Module {
 public:
  using Options = ScratchpadOptions;

  /// Error(value) on sizes that do not fit.
  ScratchpadNet(philox::Key key, Options options = {});
  /// Strings i64 [B, n], or with their positions [B, n, 2] (placed.hpp), to the numbers of all
  /// steps [B, n], where every step sees the right ones before it. Error(shape).
  Var forward(nn::Context& ctx, Var strings) const override;
  /// What the encoder makes of the strings: [B, n, d].
  Var read(nn::Context& ctx, const Var& strings) const;
  /// The numbers after the start and each of `written` i64 [B, t], t <= n: [B, t + 1].
  Var write(nn::Context& ctx, const Var& memory, const Var& strings, const Var& written) const;
  /// What the network writes alone, step by step: 1 where its number is above one half, i64 [B, n].
  Tensor decode(const Tensor& strings) const;
  std::string description() const override;

  /// The parameters that the authors leave out of norm and noise.
  static constexpr const char* positions = "positional_encoding*";
  /// What enters all norms: two in each layer of the encoder, three of the decoder, one at each
  /// end.
  static constexpr const char *encoder_norms = "encoder.*norm*.in",
                              *decoder_norms = "decoder.*norm*.in";

 private:
  Var embed(nn::Context& ctx, const Var& tokens, const Var& places) const;

  Options options_;
  nn::Embedding embedding_, positional_encoding_;
  nn::TransformerEncoder encoder_;
  nn::TransformerDecoder decoder_;
  nn::Linear head_;
};

}  // namespace sonde::experiments
