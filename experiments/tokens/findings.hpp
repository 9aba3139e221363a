/// @file
/// What the study of strings of two cues judges and shows.
#pragma once

#include <string>
#include <vector>

#include "experiments/common/results.hpp"
#include "experiments/tokens/trained.hpp"

namespace sonde::experiments {

using TokenRuns = std::vector<TrainedTokens>;

/// The claims, on sensitivities on train strings at train accuracy 1: runs that do not reach it
/// count in "fits" alone. Intervals are Student's t over seeds, differences those of equal seeds.
std::vector<Claim> token_claims(const TokenRuns& runs);
/// Sensitivities, accuracies and the cue that is followed, by network and arm, and what stands
/// beside the claims: the same differences on unseen strings.
std::vector<Metric> token_metrics(const TokenRuns& runs);
/// A run a row.
Table table_of(const TokenRuns& runs);
/// Sensitivity on train and on unseen strings with the rules' closed forms; the cue that is
/// followed. A bar for each network and arm.
std::vector<CaptionedFigure> token_figures(const TokenRuns& runs);
/// "attention, both cues: 1 of 8; ...", the runs that do not fit; "none".
std::string unfit_text(const TokenRuns& runs);

}  // namespace sonde::experiments
