/// @file
/// The verdicts of the sensitivity study.
#pragma once

#include "experiments/common/claim.hpp"
#include "experiments/vision/study.hpp"

namespace sonde::experiments {

/// S(model) - S(other) on train images at one stage and sigma of patch noise, paired by repetition
/// and image. Nothing if no repetition has both.
std::optional<Intervals> paired_difference(const std::vector<Measurement>& all,
                                           std::string_view model, std::string_view other,
                                           std::string_view stage, double sigma,
                                           std::uint64_t seed);

/// The accuracies at which the study speaks about the paper's claim: those of the criterion that
/// were asked for, or if there are none, all that were asked for.
std::vector<double> judged_accuracies(const StudyOptions& options);

/// The paper's claim, by the options' criterion. First as a whole, then for each sigma, then for
/// each other model, accuracy and sigma. In a demonstration all are inconclusive.
std::vector<Claim> comparison_claims(const std::vector<Measurement>& all,
                                     const StudyOptions& options);

/// The negative control: whether the same order is there already among untrained networks, one
/// claim for each other model and sigma of the criterion.
std::vector<Claim> control_claims(const std::vector<Measurement>& all, const StudyOptions& options);

}  // namespace sonde::experiments
