/// @file
/// Strings of tokens with two cues to their label: a few sparse tokens, and the majority of many
/// frequent ones. Vasudeva et al., "Transformers Learn Low Sensitivity Functions", 2025
/// (arXiv:2403.06925), describe such data; the sizes are this study's own.
#pragma once

#include <array>
#include <functional>

#include "tensor/philox.hpp"
#include "tensor/tensor.hpp"

namespace sonde::experiments {

/// Which side a string's sparse tokens are from.
enum class SparseCue {
  label,     ///< its label's
  random,    ///< each from either: they tell nothing
  conflict,  ///< the other label's
};

/// The kinds of tokens, in the order of their numbers: sparse ones for the label 1, for the label
/// 0, frequent ones for 1, for 0, and those that mean nothing.
inline constexpr std::size_t token_kinds = 5;
/// How many a string, or the vocabulary, has of each.
using TokenCounts = std::array<std::int64_t, token_kinds>;

struct TokenWorld {
  std::int64_t length = 50;
  std::int64_t sparse = 5, frequent = 10;  ///< different tokens of each label
  std::int64_t irrelevant = 30;
  std::int64_t most_sparse = 5;      ///< a string has 1 to so many sparse tokens,
  std::int64_t frequent_count = 20;  ///< so many frequent ones,
  std::int64_t least_majority = 12, greatest_majority = 16;  ///< of which so many for its label
  SparseCue cue = SparseCue::label;

  TokenCounts kinds() const { return {sparse, sparse, frequent, frequent, irrelevant}; }
  std::int64_t vocabulary() const { return 2 * (sparse + frequent) + irrelevant; }
};

struct TokenSet {
  Tensor tokens;  ///< i64 [n, length]
  Tensor labels;  ///< f32 [n], 0 or 1
};
/// Strings 0 ... n - 1 of a key, each independent of n: label, number of sparse tokens, majority,
/// the tokens of each kind and their order, all equally likely. With another cue only the sparse
/// tokens are others. Error(value) if what a string has does not fit its length.
TokenSet draw_tokens(const TokenWorld& world, std::int64_t n, philox::Key key);

/// The kinds in each string.
std::vector<TokenCounts> counts_of(const TokenWorld& world, const Tensor& tokens);
/// Every composition that a string of this world can have, with its label and its probability.
void for_compositions(const TokenWorld& world,
                      const std::function<void(const TokenCounts&, bool label, double p)>& f);

}  // namespace sonde::experiments
