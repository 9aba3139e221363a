/// @file
/// How the blocks of attention's Hessian grow with the scale of the data.
#pragma once

#include <functional>
#include <vector>

#include "experiments/common/results.hpp"

namespace sonde::experiments {

/// The norms of the blocks of both parts over sigma = 10^-3 ... 10, for softmax and linear
/// attention, X = sigma N(0, 1), a squared error to N(0, 1), `seeds` random layers: figures with
/// bands over the layers, a table, and a claim for the slope of each block over sigma <= 0.03.
struct AttentionGrowth {
  std::vector<Claim> claims;
  std::vector<CaptionedFigure> figures;
  Table table;
};
AttentionGrowth attention_growth(std::uint64_t seed, std::int64_t seeds,
                                 const std::function<void()>& progress);
/// How many times it calls `progress`.
std::int64_t attention_growth_steps(std::int64_t seeds);

/// The sizes of the Hessian's elements, with and without softmax, as a map: log10 |H_ij|.
CaptionedFigure attention_map(std::uint64_t seed);

}  // namespace sonde::experiments
