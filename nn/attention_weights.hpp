/// @file
/// From attention scores to the weights of the values: masks, and what stands in softmax's place.
#pragma once

#include <string_view>

#include "autograd/var.hpp"

namespace sonde::nn {

/// What turns the scores s of a query against all keys into weights.
enum class AttentionScore {
  softmax,   ///< e^s / sum e^s
  relu,      ///< max(s, 0), not normalised
  relu2_l1,  ///< max(s, 0)^2 / max(sum max(s, 0)^2, 1e-12) (Vasudeva et al., arXiv:2403.06925)
  linear,    ///< s itself, not normalised (linear attention of Ormaniec et al., arXiv:2410.10986)
};
/// The name as it is written above.
std::string_view to_string(AttentionScore score);

/// What queries may see; both broadcast to the scores, and either may be empty.
struct AttentionMask {
  Var seen;  ///< bool, true where the query sees the key
  Var bias;  ///< added to the scores; -inf hides the key

  /// Hides more, by PyTorch's modules' convention: bool, true where the key is hidden; or floats to
  /// be added.
  void hide(const Var& mask);
  /// Leaves only what `also_seen` (bool) shows.
  void restrict_to(const Var& also_seen);
  /// As scaled_dot_product_attention takes it: `seen`, or floats.
  Var merged() const;
};

/// Weights of scores [..., T, S]. Hidden keys have weight 0; a query that sees no key has weight 0
/// everywhere.
Var attention_weights(Var scores, const AttentionMask& mask, AttentionScore score);

}  // namespace sonde::nn
