/// @file
/// The loop of an experiment that compares classifiers: each is trained and measured at each seed.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "experiments/common/run.hpp"
#include "experiments/vision/trainer.hpp"

namespace sonde::experiments {

/// What is trained, on what, for how long, and what is measured then.
struct Fit {
  std::unique_ptr<nn::Module> module;
  ImageSet train;
  TrainerOptions options{};
  std::int64_t epochs = 1;
  std::function<double(const Classifier&)> measure;  ///< a finite number
};

/// The values measured for each of several arms, one a seed.
class Comparison {
 public:
  Comparison(std::vector<std::string> arms, std::vector<std::vector<double>> values)
      : arms_(std::move(arms)), values_(std::move(values)) {}

  const std::vector<double>& values(const std::string& arm) const;
  /// Mean over seeds with Student's t interval.
  Estimate mean(const std::string& arm) const;
  /// Mean over seeds of the first arm's value minus the second's, with Student's t interval: what
  /// the arms share at a seed does not count.
  Estimate difference(const std::string& arm, const std::string& other) const;

 private:
  std::vector<std::string> arms_;
  std::vector<std::vector<double>> values_;  // [arm][seed]
};

/// Trains and measures every arm at every seed of the run, seed by seed, and puts `quantity` into
/// the run's results: a row for each value, a metric and a bar for each arm. `make` is a pure
/// function of arm and seed. Goes on from the run's checkpoint if it has one, saves one when it is
/// due, after each training and when a signal comes; a resumed run ends in the same bits.
Comparison compare(Run& run, const std::string& quantity, const std::vector<std::string>& arms,
                   const std::function<Fit(const std::string& arm, std::uint64_t seed)>& make);

}  // namespace sonde::experiments
