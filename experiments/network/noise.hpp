/// @file
/// What sensitivity_of measures: how often a network's prediction flips under noises of several
/// kinds and sizes, by position.
#pragma once

#include <string>
#include <vector>

#include "analysis/sensitivity.hpp"
#include "experiments/network/budget.hpp"
#include "experiments/network/network.hpp"
#include "experiments/network/stages.hpp"

namespace sonde::experiments {

struct NoiseOptions {
  NetworkOptions network{};
  std::vector<std::string> noise{};  ///< kinds; empty: those that fit
  std::vector<double> sigmas{};
  std::string split = "test";
  std::string tap = "patch_embed.out";  ///< where tokens are disturbed
  std::int64_t patch = 0;               ///< side in pixels; 0: 4, in a table 1
  std::int64_t scattered = 0, draws = 0, batch = 0;
  double max_memory = 0;  ///< GiB
  bool dry_run = false;
};

std::vector<std::string> noise_names();

/// The samples that are disturbed.
const ImageSet& disturbed_of(const Network& network, const NoiseOptions& options);
/// The options with kinds of noise and patch filled in for this network and these data.
/// Error(usage) for a kind that they do not allow, saying why.
NoiseOptions settled(NoiseOptions options, const Network& network);

/// One kind of noise of one size.
struct NoiseMeasurement {
  std::string noise;
  double sigma = 0;  ///< 0 for kinds that have none
  Sensitivity found;
};

struct NoiseFindings {
  std::vector<NoiseMeasurement> measurements{};
  double accuracy = 0;           ///< of the network on the samples, undisturbed
  std::int64_t still_flips = 0;  ///< under noises of size 0
  std::int64_t still_trials = 0;
  std::int64_t apart = 0;  ///< samples on which batches of another size say something else
  std::int64_t compared = 0;
};

/// The estimate of all of it; what is computed of a patch's reach alone is counted in full.
Budget noise_budget(const Network& network, const NoiseOptions& options);
/// Every kind at every size, each finished once.
NoiseFindings measure_noise(Run& run, Stages& stages, const Network& network,
                            const NoiseOptions& options);
/// Fills the run's results.
void report_noise(Run& run, const NoiseFindings& found, const Network& network,
                  const NoiseOptions& options);

}  // namespace sonde::experiments
