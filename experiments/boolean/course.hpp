/// @file
/// A network on bit strings measured again and again while it trains, on the same strings.
#pragma once

#include "experiments/boolean/trained.hpp"

namespace sonde::experiments {

/// What was measured after so many steps; as in BitMeasurement.
struct BitMoment {
  double step = 0, loss = 0;
  double label_sharpness = 0, label_error = 0;  ///< with the standard error of the draws
  double output_sharpness = 0, output_error = 0;
  double norm = 0, log_blowup = 0, theory_log_blowup = 0;
};

/// A training and its moments, in the order of their steps.
struct BitCourse {
  BitCase of;
  std::vector<BitMoment> moments;
};
Json to_json(const BitCourse& course);
/// The inverse; Error(format).
BitCourse course_from_json(const Json& json);

struct BitCourseOptions {
  TrainedBitsOptions how{};
  std::int64_t every = 50;  ///< steps between two moments; the first is before training
  /// A moment's draws of the noise are measured so many at a time: what a killed run loses. Each
  /// lot has noise of its own.
  std::int64_t lot = 25;
  double seconds = 1;  ///< of an advance() of the job, at least; it does one thing at a time
};

/// The mean over all draws of measurements that differ in their noise alone.
BitMoment pooled(std::int64_t step, const std::vector<BitMeasurement>& lots);
/// Trains and measures cases[i]; the result is to_json(BitCourse).
JobMaker course_jobs(std::vector<BitCase> cases, BitCourseOptions options);

}  // namespace sonde::experiments
