/// @file
/// A whole run by the contract, for the scenarios: adds numbers, with a checkpoint every two.
#pragma once

#include "scenarios.hpp"

namespace sonde::faults {

/// The run in a folder, with more options.
std::function<Outcome(const std::filesystem::path&)> toy(std::vector<std::string> options);

/// What may not depend on where a run was interrupted: table, log, figures, and the names of all
/// files but the checkpoints and the lock.
std::string outputs_of_toy(const std::filesystem::path& folder);

/// What a run leaves that was interrupted after its first checkpoint.
void interrupted_toy(const std::filesystem::path& folder);
/// What a finished run leaves.
void toy_before(const std::filesystem::path& folder);

}  // namespace sonde::faults
