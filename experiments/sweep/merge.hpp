/// @file
/// The runs of a sweep as one table.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "experiments/common/csv.hpp"
#include "experiments/sweep/plan.hpp"

namespace sonde::experiments {

/// A row for each run of the plan: run, state (finished, failed or open), the options that vary,
/// metrics.NAME and claims.ID.value for the numbers it found, with their 95 % intervals in .low and
/// .high where any run has one, for each claim its verdict in claims.ID, wall_s, and the folder of
/// the run below the sweep's. What a run does not have is empty.
struct MergedRuns {
  Table table;
  std::vector<std::string> options;  ///< columns: what varies
  std::vector<std::string> metrics;  ///< columns, without those of intervals

  /// The place of a column; Error(usage) naming all if there is none of that name. `metrics.` may
  /// be left out.
  std::size_t column(const std::string& name) const;
  /// NaN where the field is no number.
  double number(std::size_t row, std::size_t column) const;
};
MergedRuns merged_runs(const SweepPlan& plan, const std::filesystem::path& folder);

/// The number that a field holds and nothing else; NaN otherwise.
double number_in(const std::string& field);

/// The rows that meet all conditions, as "metrics.loss<0.001" or "target = parity": a column, one
/// of < <= > >= = == !=, a value. Two numbers are compared as such, else only = and != hold or do
/// not; an empty field meets nothing. Only finished runs are taken. Error(usage).
std::vector<std::size_t> kept_rows(const MergedRuns& runs,
                                   const std::vector<std::string>& conditions);

}  // namespace sonde::experiments
