/// @file
/// Answers on strings longer than those trained on: what boolean_length judges.
#pragma once

#include "experiments/boolean/length_runs.hpp"
#include "experiments/common/results.hpp"

namespace sonde::experiments {

/// The bounds of the criteria.
struct LengthCriterion {
  double fits = 0.95;      ///< least accuracy on the lengths trained on
  std::int64_t times = 2;  ///< so much longer than the longest of them
  double parity = 0.65;    ///< greatest accuracy there
  double others = 0.85;    ///< least accuracy there
};

/// For each of these set-ups and targets: that it is learnt, and what becomes of it at strings so
/// much longer; the latter by the runs that have learnt it. Scratchpads are not judged.
std::vector<Claim> length_claims(const std::vector<LengthRecipe>& recipes,
                                 const std::vector<std::string>& targets,
                                 const std::vector<LengthRun>& runs,
                                 const LengthCriterion& criterion = {});
/// Runs of one set-up and target that have learnt it.
std::vector<LengthRun> fitted(const std::vector<LengthRun>& runs, LengthSetup setup,
                              const std::string& target, const LengthCriterion& criterion = {});
/// "encoder, parity: 1 of 5; ..." of those that have not.
std::string unfitted_text(const std::vector<LengthRun>& runs,
                          const LengthCriterion& criterion = {});

/// A length of a run a row.
Table table_of(const std::vector<LengthRun>& runs);
/// Accuracy by length, means over the seeds that have learnt it, a colour for each target.
Figure accuracy_figure(const LengthRecipe& recipe, const std::vector<LengthRun>& runs,
                       const LengthCriterion& criterion = {});

}  // namespace sonde::experiments
