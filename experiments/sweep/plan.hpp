/// @file
/// The plan of a sweep: every run, resolved and frozen before the first one begins.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "experiments/common/json.hpp"

namespace sonde::experiments {

/// What a plan is made from.
struct PlanRequest {
  std::filesystem::path program;    ///< of the experiment
  std::filesystem::path grid_file;  ///< as configurations() reads it
  std::filesystem::path folder;     ///< of the sweep
  bool quiet = false;               ///< no progress
};

struct PlannedRun {
  std::string name;  ///< of its folder, below runs/
  Json chosen;       ///< the options that the file gives it
  Json settings;     ///< all that decide its results, defaults too
};

struct SweepPlan {
  std::string experiment;
  std::vector<PlannedRun> runs;
  std::int64_t repeated = 0;  ///< configurations left out since another has their settings

  /// The options whose values differ between runs, in the order of the settings.
  std::vector<std::string> varied() const;
};

/// The plan in the sweep's folder, plan.json. If there is none it is made: each configuration is
/// resolved by the program itself, so that an option that it does not have is refused before
/// anything runs. One that is there holds, whatever defaults the program has by now; Error(usage)
/// if it was made from another file, or if the folder holds other things. Of several processes one
/// makes it and the others wait.
SweepPlan frozen_plan(const PlanRequest& request);

/// The value of an option in words: "0.1", "a,b", "yes".
std::string option_text(const Json& value);
/// The words of a command line that give these settings.
std::vector<std::string> option_words(const Json& settings);

}  // namespace sonde::experiments
