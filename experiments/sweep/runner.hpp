/// @file
/// The runs of a sweep, each a process, some at a time.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "experiments/sweep/plan.hpp"

namespace sonde::experiments {

/// Runs number k with k mod `of` = `index`.
struct Shard {
  std::int64_t index = 0, of = 1;
};

struct RunnerOptions {
  std::filesystem::path program, folder;
  std::string data_dir{};
  std::int64_t jobs = 1;     ///< runs at a time
  std::int64_t threads = 1;  ///< of each
  Shard shard{};
  bool retry_failed = false;  ///< forget what failed in an earlier call
  bool quiet = false;
};

struct FailedRun {
  std::string name, error;  ///< its folder, and the last line it said
};

inline constexpr std::size_t attempts = 2;

std::filesystem::path run_path(const std::filesystem::path& folder, const PlannedRun& run);
/// The runs of a shard.
std::vector<PlannedRun> runs_of(const SweepPlan& plan, const Shard& shard);

/// Works until each of its runs is finished or has failed twice, by this process or by another one
/// that shares the folder, and returns those that failed. A run is claimed before it is started; a
/// finished one is never started again; one that was interrupted or killed goes on from its
/// checkpoint. After SIGINT or SIGTERM its runs get SIGTERM, and when they have ended, Interrupted
/// is thrown.
std::vector<FailedRun> run_all(const SweepPlan& plan, const RunnerOptions& options);

}  // namespace sonde::experiments
