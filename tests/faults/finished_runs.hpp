/// @file
/// What gathers finished runs, for the scenarios: a sweep that is merged, the page of all runs.
#pragma once

#include "scenarios.hpp"

namespace sonde::faults {

/// A sweep of four runs: its file, its plan, three that are finished and one that failed.
void finished_sweep(const std::filesystem::path& folder);
/// Merges it.
Outcome merge_sweep(const std::filesystem::path& folder);
/// What that writes and may not depend on faults.
std::string outputs_of_merge(const std::filesystem::path& folder);

/// A line about an attempt that failed is added to those of a run.
void one_failure(const std::filesystem::path& folder);
std::string another_failure(const std::filesystem::path& folder);

/// A finished run of the list and a page from before.
void finished_runs(const std::filesystem::path& folder);
/// Writes the page; the result is the page.
Outcome page_of_runs(const std::filesystem::path& folder);

}  // namespace sonde::faults
