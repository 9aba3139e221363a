/// @file
/// Sensitivities as measured on one network at one moment, and their interpolation to an accuracy.
#pragma once

#include <string>
#include <vector>

#include "analysis/sensitivity.hpp"
#include "experiments/common/json.hpp"

namespace sonde::experiments {

/// A network at one moment of its training.
struct Moment {
  std::int64_t step = 0;
  double train_accuracy = 0, test_accuracy = 0;
};

/// The sensitivity of one network, by one kind of noise, on one set of images.
struct Measurement {
  std::string model;
  std::int64_t repetition = 0;
  std::string stage;   ///< "init", or the accuracy it belongs to: "0.90"
  Moment moment;       ///< interpolated like the rest
  std::string noise;   ///< "patch", "scattered"
  std::string images;  ///< "train", "test"
  double sigma = 0;
  Sample by_input, by_position;
  std::int64_t trials = 0;

  double value() const { return mean(by_input); }
  /// Over images, drawn with replacement as wholes.
  Estimate clustered(std::uint64_t seed) const;
  /// Binomial standard error of the value over all trials.
  double binomial_error() const;
};

Json to_json(const Measurement& m);
/// Error(format).
Measurement measurement_from_json(const Json& json);
Json to_json(const Moment& m);
Moment moment_from_json(const Json& json);

/// The measurement between `before` and `after` (same network, noise and images) at which the train
/// accuracy would be `accuracy`, linearly; `after` itself if its accuracy is not above the other's
/// or below that, `before` itself if that has the accuracy already.
Measurement interpolated(const Measurement& before, const Measurement& after, double accuracy);

/// Those measurements that match model, stage, noise, images and sigma, in order of repetition.
std::vector<const Measurement*> select(const std::vector<Measurement>& all, std::string_view model,
                                       std::string_view stage, std::string_view noise,
                                       std::string_view images, double sigma);
/// Their values by image: one Sample for each repetition.
std::vector<Sample> by_image(const std::vector<const Measurement*>& selected);

/// The mean over repetitions of the means over images, with two 95 % intervals: Student's t over
/// the repetitions' means, and the bootstrap of repetitions and then images within each.
struct Intervals {
  Estimate student_t, bootstrap;

  /// From so many repetitions on the bootstrap decides; with fewer it draws too few different sets
  /// of repetitions, and its intervals are too short. For a single one there is nothing else.
  static constexpr std::int64_t bootstrap_units = 30;
  const Estimate& decisive() const;
};

/// Nothing if there are no units.
std::optional<Intervals> intervals(const std::vector<Sample>& units, std::uint64_t seed);

/// Mean sensitivity over the selected repetitions with the interval that decides; nothing if none
/// is selected.
std::optional<Estimate> over_repetitions(const std::vector<const Measurement*>& selected,
                                         std::uint64_t seed);

}  // namespace sonde::experiments
