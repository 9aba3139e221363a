/// @file
/// The first claim of a measurement that concludes nothing about a paper: it holds against its own
/// checks.
#pragma once

#include <string>
#include <vector>

#include "experiments/common/claim.hpp"

namespace sonde::experiments {

/// "`what` holds against its own checks": whether all of them pass.
Claim all_pass(const std::string& what, const std::vector<Claim>& checks);

}  // namespace sonde::experiments
