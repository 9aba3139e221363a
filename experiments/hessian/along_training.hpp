/// @file
/// The transformer's Hessian while it learns to add, as it is and in the scale of Adam's steps.
#pragma once

#include <string>
#include <vector>

#include "analysis/slq.hpp"
#include "experiments/common/jobs.hpp"
#include "experiments/hessian/heterogeneity.hpp"

namespace sonde::experiments {

/// Adam on fresh batches; the Hessian is that of a batch that no step saw.
struct TrainingOptions {
  std::int64_t width = 16, sequences = 64, repetitions = 3;
  double lr = 1e-3;
  std::vector<std::int64_t> steps{};  ///< after which it is looked at, ascending
};

/// Of a whole spectrum.
struct Ends {
  double least = 0, greatest = 0;
};

/// What is measured after so many steps.
struct TrainingMoment {
  std::int64_t repetition = 0, step = 0;
  double loss = 0, accuracy = 0;                              ///< of the answers' digits
  BlockSizes query, value;                                    ///< without the elements
  Ends whole{}, preconditioned{};                             ///< the latter from the first step on
  double preconditioned_query = 0, preconditioned_value = 0;  ///< Frobenius norms
};

struct TrainingCourse {
  std::vector<TrainingMoment> moments;
  Density whole, preconditioned;  ///< after the last step of the first repetition
};
/// A repetition a job.
TrainingCourse along_training(Jobs& jobs, const TrainingOptions& options, std::uint64_t seed);
/// Its parts: repetition i, and what was found in all of them. Error(format).
JobMaker training_jobs(const TrainingOptions& options, std::uint64_t seed);
TrainingCourse training_course(const std::vector<Json>& found);

/// Measurements: no claim is made of them.
std::vector<Metric> training_metrics(const TrainingCourse& course);
std::vector<CaptionedFigure> training_figures(const TrainingOptions& options,
                                              const TrainingCourse& course);

}  // namespace sonde::experiments
