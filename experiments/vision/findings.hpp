/// @file
/// What the study's findings say: table, claims, figures, headline numbers.
#pragma once

#include "experiments/common/results.hpp"
#include "experiments/vision/claims.hpp"
#include "experiments/vision/study.hpp"

namespace sonde::experiments {

/// A row for each measurement, with its binomial error and its interval over images; and behind the
/// repetitions a row for their mean ("all"), with Student's t interval and the two-level
/// bootstrap's.
Table measurement_table(const std::vector<Measurement>& all, std::uint64_t seed);

/// Mean sensitivities, one for each model, stage, images, noise and sigma: the numbers of
/// summary.json, with the interval that decides, and under the same name with ".bootstrap" or
/// ".student-t" behind with the other. Those of the highest accuracy reached, by patches on train
/// images, are headline numbers. Then "difference." and the two intervals of each comparison the
/// criterion names.
std::vector<Metric> sensitivity_metrics(const Findings& findings, const StudyOptions& options);

/// All models in each figure: bars at each train accuracy and before training, sensitivity against
/// sigma, by place over the mean of the `train` images, over the training, by kind of noise and
/// images, and its distribution over images. A model keeps its colour in all of them.
std::vector<CaptionedFigure> study_figures(const Findings& findings, const StudyOptions& options,
                                           const ImageSet& train);

/// Stages that were measured for this model on train images: "init" first, then by accuracy.
std::vector<std::string> stages_of(const std::vector<Measurement>& all, std::string_view model);

}  // namespace sonde::experiments
