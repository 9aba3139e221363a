/// @file
/// The sensitivity study: trains each model at each repetition and measures it when it reaches an
/// accuracy.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "experiments/common/run.hpp"
#include "experiments/vision/measurement.hpp"
#include "experiments/vision/models.hpp"
#include "experiments/vision/trainer.hpp"

namespace sonde::experiments {

/// What the paper's claim is judged by, stated before anything is measured: S(model) < S(other) for
/// each of the others, at each of the accuracies, for noise of each sigma.
struct Criterion {
  std::string model = "vit";
  std::vector<std::string> others = {"mlp", "cnn", "convmixer"};
  std::vector<double> accuracies = {0.9, 0.95}, sigmas = {1, 3};
};

struct StudyOptions {
  std::vector<std::string> models;
  std::vector<double>
      accuracies{};              ///< measured at the first evaluation that reaches each, increasing
  std::vector<double> sigmas{};  ///< standard deviations of the noise; pixels lie in [-1, 1]
  std::int64_t scattered = 10;   ///< noises of scattered pixels for each image; 0: not measured
  std::int64_t patch = 4;
  std::int64_t images = 500;  ///< that sensitivity is measured on
  std::int64_t draws = 1;     ///< noises for each image and patch
  std::int64_t epochs = 30, batch = 100;
  std::int64_t eval_every = 25;  ///< steps between looks at a part of the train images
  double lr = 1e-3;
  std::uint64_t seed = 1;
  std::int64_t repetitions = 3;
  std::filesystem::path export_to{};  ///< folder for export_measurement(); empty: none
  bool whole_images = false;          ///< computes every disturbed image whole, to compare with
  Device device{};                    ///< where the networks compute
  bool demo = false;  ///< a demonstration: every verdict on the paper is inconclusive by rule
  Criterion criterion{};
};

/// A point of a learning curve.
struct CurvePoint {
  std::string model;
  std::int64_t repetition = 0;
  Moment moment;
  double loss = 0;  ///< mean over the steps since the point before; NaN at the first
  /// To patch noise of the largest sigma, on a tenth of the train images of a measurement, by one
  /// draw each: a picture of the course, too coarse for a verdict.
  double sensitivity = 0;
};

/// All that was found so far; grows as the study goes on.
struct Findings {
  std::vector<Measurement> measurements;
  std::vector<CurvePoint> curves;
};

/// Error(usage) if these options are impossible on this data.
void check_possible(const StudyOptions& options, const ImageSet& train);

/// "0.90", the name of the stage at this accuracy.
std::string stage_name(double accuracy);

/// Runs the whole study, from the run's checkpoint if it has one. Each (model, repetition) is a
/// pure function of the seed: parameters, order of the data and noise come from keys of (seed,
/// repetition), (epoch) and (image, patch, draw). Throws Interrupted after a checkpoint when a
/// signal comes.
Findings run_study(Run& run, const StudyOptions& options, const ImageSet& train,
                   const ImageSet& test);

}  // namespace sonde::experiments
