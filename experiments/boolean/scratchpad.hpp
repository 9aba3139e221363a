/// @file
/// PARITY with and without a scratchpad: what boolean_scratchpad judges.
#pragma once

#include "analysis/statistics.hpp"
#include "experiments/boolean/scratchpad_runs.hpp"

namespace sonde::experiments {

/// The bounds of the criteria.
struct ScratchpadCriterion {
  std::int64_t length = 24;                       ///< bits, for the two on accuracy
  std::int64_t steps = 1000, plain_steps = 2000;  ///< with a scratchpad and without
  double written = 0.99, guessed = 0.55;          ///< least and greatest accuracy
  double slope_share = 0.25;                      ///< of parity's slope
};

/// After how many steps, as far as was looked, of the runs at the criterion's length at which they
/// come to it, as many answers are right as the criterion asks for.
Sample steps_to_write(const std::vector<ScratchpadRun>& runs, const ScratchpadCriterion& c = {});

/// The authors' rule, with the last step in place of all: more than 0.999 of the answers right.
bool solved(const ScratchpadRun& run);
/// Those that are solved, as runs of a study.
TrainedRuns solved_runs(const std::vector<ScratchpadRun>& runs);
/// The same with the decoder's blow-up in place of the encoder's.
TrainedRuns solved_decoders(const std::vector<ScratchpadRun>& runs);
/// "8 bits 1 of 5, ..." of the runs that are not solved.
std::string unsolved_text(const std::vector<ScratchpadRun>& runs);

/// Magnitude of the slope of the scratchpads' sharpness by length over the slope of parity's, of
/// the means over seeds that have both lines.
Estimate slope_quotient(const TrainedRuns& scratchpads, const TrainedRuns& parities);

/// `parities` are encoders that answer at once, of lengths that can be learnt.
std::vector<Claim> scratchpad_claims(const std::vector<ScratchpadRun>& scratchpads,
                                     const std::vector<PlainRun>& plain,
                                     const TrainedRuns& parities,
                                     const ScratchpadCriterion& criterion = {});

/// A run a row.
Table table_of(const std::vector<ScratchpadRun>& scratchpads, const std::vector<PlainRun>& plain,
               const TrainedRuns& parities);
/// The share of right answers along the training, a line for each length, means over seeds.
Figure course_figure(const std::vector<ScratchpadRun>& runs);

}  // namespace sonde::experiments
