/// @file
/// Strings that stand somewhere in a longer row of positions: each bit beside its position.
#pragma once

#include "experiments/boolean/training.hpp"

namespace sonde::experiments {

/// Strings i64 [B, n, 2]: a bit, or another token, and the position it stands at. Networks take
/// these in place of [B, n], whose positions are 0, 1, ...
Tensor placed(const Tensor& tokens, const Tensor& positions);
/// The tokens of strings [B, n, 2], or of [B, n], which they are.
Var tokens_of(const Var& strings);
/// Their positions: [B, n], or for strings [B, n] the [n] that all have.
Var positions_of(const Var& strings);

/// Positions [strings, n], one after another from a random first one of each string, so that all
/// are below `positions`. Error(value) unless that many fit.
Tensor random_positions(std::int64_t strings, std::int64_t n, std::int64_t positions,
                        philox::Key key);
/// `strings` uniformly random ones of n bits at random positions.
Tensor bits_somewhere(std::int64_t strings, std::int64_t n, std::int64_t positions,
                      philox::Key key);
/// The same, of a length that is drawn for the whole batch from shortest ... longest.
BitSource bits_of_lengths(std::int64_t strings, std::int64_t shortest, std::int64_t longest,
                          std::int64_t positions);

}  // namespace sonde::experiments
