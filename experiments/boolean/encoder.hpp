/// @file
/// The network of "Why are Sensitive Functions Hard for Transformers?" (Hahn and Rofin 2024,
/// arXiv:2402.09963).
#pragma once

#include "nn/embedding.hpp"
#include "nn/linear.hpp"
#include "nn/transformer.hpp"

namespace sonde::experiments {

struct BitEncoderOptions {
  std::int64_t length = 10;  ///< positions, so bits of a string, at most
  std::int64_t width = 32;   ///< d, even
  std::int64_t layers = 2, heads = 2;
};

/// Bits i64 [B, n], or with their positions [B, n, 2] (placed.hpp), to numbers [B]. The embeddings
/// of bit and position, of half the width each, stand side by side; then an encoder with the norm
/// behind and a ReLU network of the same width, and a linear map of what it gives at the last
/// position. The authors' layers begin as copies of one, these with values of their own.
class BitEncoder final : public nn::Module {
 public:
  using Options = BitEncoderOptions;

  /// Error(value) on sizes that do not fit.
  BitEncoder(philox::Key key, Options options = {});
  /// Error(shape) for strings longer than `length`.
  Var forward(nn::Context& ctx, Var bits) const override;
  std::string description() const override;

  /// The parameters that the authors leave out of norm and noise.
  static constexpr const char* positions = "positional_encoding*";
  /// What enters the norms of all layers, two in each.
  static constexpr const char* norms = "*.norm?.in";

 private:
  Options options_;
  nn::Embedding embedding_, positional_encoding_;
  nn::TransformerEncoder encoder_;
  nn::Linear head_;
};

}  // namespace sonde::experiments
