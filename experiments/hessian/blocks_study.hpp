/// @file
/// The study of a transformer's blocks at initialisation as independent jobs.
#pragma once

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "experiments/common/figure.hpp"
#include "experiments/common/jobs.hpp"
#include "experiments/hessian/heterogeneity.hpp"

namespace sonde::experiments {

/// What remains of a whole Hessian.
struct HessianMap {
  static constexpr double floor = 1e-8;                      ///< of the cells
  std::vector<double> cells;                                 ///< coarse_map()
  std::vector<std::pair<std::string, std::int64_t>> blocks;  ///< names and sizes
  double asymmetry = 0;  ///< greatest |H - H'| by the greatest |H|
};
/// What is found with softmax or without; the blocks' elements are counted and then dropped.
struct AttentionBlocks {
  std::vector<QueryAndValue> blocks;  ///< by seed
  Histogram query, value;             ///< of log10 |element|, of the first seed
  HessianMap whole;                   ///< of the first seed
};

struct BlocksStudyOptions {
  HeterogeneityOptions of{};  ///< but for the score
  std::int64_t seeds = 10, cells = 96;
};
/// With softmax, then with linear attention, of seeds seed, seed + 1, ...
std::array<AttentionBlocks, 2> study_blocks(Jobs& jobs, const BlocksStudyOptions& options,
                                            std::uint64_t seed);

}  // namespace sonde::experiments
