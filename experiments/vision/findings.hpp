/// @file
/// What the study's findings say: table, claims, figures, headline numbers.
#pragma once

#include "experiments/common/results.hpp"
#include "experiments/vision/study.hpp"

namespace sonde::experiments {

/// One row for each measurement, with its binomial error and its interval over images.
Table measurement_table(const std::vector<Measurement>& all, std::uint64_t seed);

/// S(model) - S(other) at one accuracy and noise, paired by repetition and image, with the
/// two-level interval. Nothing if no repetition has both.
std::optional<Estimate> paired_difference(const std::vector<Measurement>& all,
                                          std::string_view model, std::string_view other,
                                          std::string_view stage, double sigma, std::uint64_t seed);

/// The paper's claim that the transformer `model` is less sensitive than each other model at equal
/// train accuracy, at the accuracies 0.90 and 0.95 as far as they were measured; one undecided
/// claim if there is nothing to compare.
std::vector<Claim> comparison_claims(const std::vector<Measurement>& all,
                                     const StudyOptions& options, std::string_view model = "vit");

/// Mean sensitivities with two-level intervals, one for each model, stage and sigma: the numbers of
/// summary.json. Those of the highest accuracy reached, on train images, are headline numbers.
std::vector<Metric> sensitivity_metrics(const Findings& findings, const StudyOptions& options);

/// Learning curves, sensitivity by stage and noise, sensitivity by place, and its distribution over
/// images.
std::vector<CaptionedFigure> study_figures(const Findings& findings, const StudyOptions& options,
                                           std::int64_t image_side);

/// Stages that were measured for this model on train images: "init" first, then by accuracy.
std::vector<std::string> stages_of(const std::vector<Measurement>& all, std::string_view model);

}  // namespace sonde::experiments
