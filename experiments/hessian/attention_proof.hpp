/// @file
/// The closed form of attention's Hessian, held to automatic differentiation and to its identities.
#pragma once

#include <vector>

#include "experiments/common/results.hpp"

namespace sonde::experiments {

/// What must hold exactly, each over `seeds` random layers of three shapes: equality with automatic
/// differentiation in three modes for softmax and linear attention with and without a causal mask,
/// a single matrix W_QK, temperatures, cross-entropy, and a LayerNorm in front; symmetry; the
/// semi-definite part; the gauge; scaling. `progress` is called between layers.
std::vector<Claim> attention_proof(std::uint64_t seed, std::int64_t seeds,
                                   const std::function<void()>& progress);
/// How many times attention_proof() calls it.
std::int64_t attention_proof_steps(std::int64_t seeds);

}  // namespace sonde::experiments
