/// @file
/// What the studies of trained networks on bit strings share: which runs count, tables, figures.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "experiments/boolean/trained.hpp"
#include "experiments/common/results.hpp"

namespace sonde::experiments {

/// The authors' bound on the mean squared error, for labels 0 and 1: runs above it are discarded.
inline constexpr double greatest_loss = 1e-3;
bool converged(const TrainedBits& t);

using TrainedRuns = std::vector<TrainedBits>;
/// Those that hold(t).
TrainedRuns runs_where(const TrainedRuns& runs,
                       const std::function<bool(const TrainedBits&)>& hold);
TrainedRuns of_seed(const TrainedRuns& runs, std::uint64_t seed);
/// Those of one target that have converged.
TrainedRuns kept_runs(const TrainedRuns& runs, const std::string& target);
/// Different values over runs, in ascending order.
std::vector<std::int64_t> lengths_of(const TrainedRuns& runs);
std::vector<std::uint64_t> seeds_of(const TrainedRuns& runs);
/// Targets in the order in which they first occur.
std::vector<std::string> targets_of(const TrainedRuns& runs);

/// `base` for each target and length at all seeds of the run: of each seed long strings first,
/// which take longest, so that a core is not left with them at the end.
std::vector<BitCase> cases_of(const BitCase& base, const std::vector<std::string>& targets,
                              std::vector<std::int64_t> lengths, const Settings& settings);

/// In ascending order, each value once: a setting given twice would count its runs twice.
template <class T>
void only_once(std::vector<T>& values) {
  std::ranges::sort(values);
  const auto twice = std::ranges::unique(values);
  values.erase(twice.begin(), twice.end());
}

/// Error(usage) naming the option unless the width that it gives is even: there are two heads, and
/// half of an encoder's is the bit's, half the position's.
void even_width(const std::string& option, std::int64_t width);
/// Error(usage) if random functions are asked for on strings of too many bits for a table.
void tables_fit(const std::vector<std::string>& targets, const std::vector<std::int64_t>& lengths);

/// One number of a run, and how reports name it.
struct BitQuantity {
  const char *id, *label;
  double (*of)(const BitMeasurement& m);
};
namespace quantities {
extern const BitQuantity label_sharpness, output_sharpness, log_blowup, theory_log_blowup, norm;
}

/// What a sweep's table has of a study that is a piece of it: if all runs are of one target and one
/// length, their means, kept or not, of the loss and of every quantity; nothing otherwise.
std::vector<Metric> metrics_of_piece(const TrainedRuns& runs);
/// A run a row: case, whether it is kept, and all that was measured.
Table table_of(const TrainedRuns& runs);
/// "parity: 9 bits 1 of 3, 10 bits 2 of 3; majority: none" of the runs that are discarded.
std::string discarded_text(const TrainedRuns& runs);
/// For reports: what all studies decide otherwise than the authors' code.
std::string decisions_note();
/// Means over seeds of the kept runs, with intervals, by length, a colour for each target. With
/// `floor`, the theory's as_n / (2 n) of each target as a line.
Figure by_length(const std::string& name, const TrainedRuns& runs, const BitQuantity& q,
                 bool floor = false);

}  // namespace sonde::experiments
