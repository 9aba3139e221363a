/// @file
/// Sharpness by the length of the strings: what boolean_scaling judges.
#pragma once

#include <map>

#include "analysis/regression.hpp"
#include "experiments/boolean/study.hpp"

namespace sonde::experiments {

/// The bounds of the criteria.
struct ScalingCriterion {
  double slope_factor = 3;        ///< parity's slope by the greatest of the others'
  double sharpness_factor = 2.5;  ///< parity's sharpness by the others' greatest
  std::int64_t compared_at = 10;  ///< bits, for that
  std::int64_t easy_bits = 8;     ///< up to so many bits parity is learnt,
  double learnt_share = 0.8;      ///< by so large a share of runs
};

/// The line of sharpness by length through the kept runs of each target that has three of them, of
/// different lengths. n of the slope counts their seeds, m the runs.
std::map<std::string, LinearRegression> sharpness_lines(const TrainedRuns& runs);
/// The claims on the authors' sharpness, about their four targets. Intervals are Student's t over
/// seeds, but of the slope itself, which is a regression over runs.
std::vector<Claim> scaling_claims(const TrainedRuns& runs, const ScalingCriterion& criterion = {});
/// At how many lengths both kinds of sharpness have the targets' means in the same order, of how
/// many at which each target has a kept run.
Estimate same_order(const TrainedRuns& runs);

}  // namespace sonde::experiments
