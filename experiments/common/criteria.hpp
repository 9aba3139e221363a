/// @file
/// What studies over seeds share: criteria that are kept before the run, claims on means.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "experiments/common/run.hpp"

namespace sonde::experiments {

/// Keeps the criteria of `claims`, made of no runs, in config.json. Call it before anything runs.
void describe_criteria(Run& run, const std::vector<Claim>& claims);
/// left_open() of each, if the run is a quick one.
void leave_open_if_quick(Run& run, const std::string& reason);

/// Mean and interval of one number per unit; nothing where there is none.
std::optional<Estimate> mean_if_any(const std::vector<double>& by_unit);
/// judge(), or undecided() for `missing` where there is no number.
Claim judge_if(const std::string& id, const std::string& statement, const std::string& criterion,
               const std::optional<Estimate>& value, Side side, double threshold,
               const std::string& missing);

}  // namespace sonde::experiments
