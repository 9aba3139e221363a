/// @file
/// What a sweep found: aggregates over seeds, slopes, tests by rank.
#pragma once

#include <string>
#include <vector>

#include "experiments/common/results.hpp"
#include "experiments/sweep/merge.hpp"

namespace sonde::experiments {

/// What is asked of the merged runs.
struct Questions {
  std::vector<std::string> where{};    ///< conditions, as kept_rows() has them
  std::vector<std::string> by{};       ///< options that tell groups apart; all that vary but seed
  std::vector<std::string> metrics{};  ///< that are aggregated; all
  std::vector<std::string> slopes{};   ///< "y ~ x"; either may be log(column)
  std::vector<std::string> ranks{};    ///< "y ~ option"
};

/// One metric in one group of runs.
struct Aggregate {
  std::vector<std::string> group;  ///< the values of the options that tell groups apart
  std::string metric;
  Estimate value;  ///< mean over the runs with Student's t interval; n counts runs
};

/// Metrics' means over the kept runs of each group, groups in the order of their first run.
std::vector<Aggregate> aggregates(const MergedRuns& runs, const std::vector<std::size_t>& kept,
                                  const std::vector<std::string>& by,
                                  const std::vector<std::string>& metrics);

/// The report: the merged table, aggregates as figures, answers to what was asked as numbers and
/// notes. `aggregate_table` gets the aggregates.
Results sweep_results(const MergedRuns& runs, const Questions& questions, Table& aggregate_table);

}  // namespace sonde::experiments
