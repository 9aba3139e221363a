/// @file
/// Random attention layers for the programs that measure their Hessians.
#pragma once

#include "analysis/attention_layer.hpp"
#include "tensor/philox.hpp"

namespace sonde::experiments {

/// Tokens [length, d], W_Q and W_K [d, k], W_V [d, v].
struct LayerSizes {
  std::int64_t length, d, k, v;
};

/// A layer and what its output should have been, Y [length, v].
struct LayerAndTarget {
  AttentionLayer layer;
  Tensor target;
};

/// Tokens sigma N(0, 1), weights N(0, weight_std^2), targets N(0, 1); functions of the seed, the
/// same standard normal numbers for every sigma.
LayerAndTarget random_layer(const LayerSizes& sizes, std::uint64_t seed, double sigma,
                            double weight_std, AttentionOptions options = {});

}  // namespace sonde::experiments
