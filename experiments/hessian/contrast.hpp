/// @file
/// How differently the blocks of other networks' Hessians are sized: an LSTM and a convolutional
/// network of the transformer's size on the transformer's task.
#pragma once

#include <string>
#include <vector>

#include "experiments/common/jobs.hpp"
#include "experiments/hessian/heterogeneity.hpp"

namespace sonde::experiments {

/// The diagonal block of one weight matrix (biases are left out).
struct NetworkBlock {
  std::string network, parameter;
  std::int64_t repetition = 0;
  BlockSizes sizes;  ///< without the elements
};
/// Of the transformer, the LSTM and the CNN, not trained, seeds seed, seed + 1, ...: a network a
/// job.
std::vector<NetworkBlock> contrast(Jobs& jobs, std::uint64_t seed, std::int64_t repetitions,
                                   std::int64_t sequences);

/// For each network the spread of its blocks, log10 of the greatest median of |H_ij| over the
/// least, and a figure of all. Measurements: no claim is made of them.
std::vector<Metric> contrast_metrics(const std::vector<NetworkBlock>& blocks);
CaptionedFigure contrast_figure(const std::vector<NetworkBlock>& blocks);

}  // namespace sonde::experiments
