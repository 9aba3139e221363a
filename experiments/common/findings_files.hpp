/// @file
/// The files that hold what was found.
#pragma once

#include <filesystem>

#include "experiments/common/json.hpp"
#include "experiments/common/results.hpp"
#include "experiments/common/settings.hpp"

namespace sonde::experiments {

/// The name of the hardware: the processor's or the card's.
std::string device_name(Device device);

/// What this build and this machine say about any run.
RunFacts facts_here(const About& about);

/// Writes results.csv, figures/, report.html and summary.json, in this order, each whole or not at
/// all. Error(file).
void write_findings(const std::filesystem::path& folder, const About& about, const RunFacts& facts,
                    const Json& settings, const Results& results);

}  // namespace sonde::experiments
