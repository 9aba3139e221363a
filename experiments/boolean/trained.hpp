/// @file
/// One network trained on one function of bit strings and measured: what a study has many of.
#pragma once

#include <filesystem>
#include <vector>

#include "experiments/boolean/encoder.hpp"
#include "experiments/boolean/measurement.hpp"
#include "experiments/boolean/training.hpp"
#include "experiments/common/jobs.hpp"

namespace sonde::experiments {

/// A training. Initial values, strings and noise follow from target, length and seed, so that
/// cases are independent of each other.
struct BitCase {
  std::string target = "parity";
  std::int64_t length = 10, width = 32, batch = 64, steps = 2500;
  double lr = 1e-3, weight_decay = 0.1;
  std::uint64_t seed = 1;
};

/// One word for a file: "parity-10-1".
std::string name_of(const BitCase& c);
/// Independent streams of the case: 0 of initial values, 1 of strings, 2 of measurements, 3 of
/// settings that are drawn.
philox::Key key_of(const BitCase& c, std::uint64_t stream);
/// The case's function; a random one has a table of its own for each seed and length.
Target target_of(const BitCase& c);
std::unique_ptr<BitEncoder> encoder_of(const BitCase& c);
/// How it is trained.
BitTrainingOptions training_of(const BitCase& c);
/// A probe for encoders of this case's sizes.
BitProbe probe_of(const BitCase& c);
Json to_json(const BitCase& c);
/// The inverse, of an object that may hold more; Error(format).
BitCase bit_case_from_json(const Json& json);

/// What was found of a case.
struct TrainedBits {
  BitCase of;
  BitMeasurement found;
};
Json to_json(const BitMeasurement& m);
/// The inverse, of an object that may hold more; Error(format).
BitMeasurement bit_measurement_from_json(const Json& json);
Json to_json(const TrainedBits& t);
/// The inverse; Error(format).
TrainedBits trained_from_json(const Json& json);

/// How trained networks are measured.
struct TrainedBitsOptions {
  BitMeasurementOptions measurement{};  ///< the key is the case's
  double radius = 0;  ///< if positive, of the noise: eps is radius / sqrt(parameters that move)
  /// Of which cases export_bits() writes what was measured, and to which folder.
  std::function<bool(const BitCase&)> exported{};
  std::filesystem::path export_to{};
};

/// How a network of this case is measured: with the case's key, and eps by the radius.
BitMeasurementOptions measurement_of(const BitCase& c, const BitProbe& probe,
                                     const TrainedBitsOptions& options);

/// Trains and measures cases[i]; the result is to_json(TrainedBits).
JobMaker bit_jobs(std::vector<BitCase> cases, TrainedBitsOptions options);
/// All of it by `jobs` under a name.
std::vector<TrainedBits> train_bits(Jobs& jobs, const std::string& name,
                                    const std::vector<BitCase>& cases,
                                    const TrainedBitsOptions& options);

}  // namespace sonde::experiments
