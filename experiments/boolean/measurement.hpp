/// @file
/// What is measured of a network on bit strings: loss, sharpness by the authors' code and by their
/// theory, blow-up of its norms in both definitions, norm of its parameters.
#pragma once

#include <memory>

#include "analysis/sharpness.hpp"
#include "experiments/boolean/target.hpp"
#include "nn/module.hpp"

namespace sonde::experiments {

struct BitMeasurementOptions {
  std::int64_t strings = 1024;  ///< random ones, on which all is measured
  /// Standard deviation of the noise on each parameter; on the sphere its radius is eps sqrt(p).
  double eps = 0.02;
  std::int64_t draws = 50;  ///< of the noise, fresh ones for each key
  philox::Key key{};
};

/// Losses and sharpness are those of labels -1 and 1: four times those of 0 and 1. Parameters are
/// those that move.
struct BitMeasurement {
  double loss = 0;
  Estimate label_sharpness{};   ///< rise of the loss under Gaussian noise, as the authors' code
  Estimate output_sharpness{};  ///< squared change of the output on the sphere, as their theory
  double radius = 0;            ///< eps sqrt(p)
  double norm = 0;              ///< of all parameters that move
  /// Over strings, of the product over norms of the greatest stretch of a token; the code's form
  /// looks at the last token alone in the last layer.
  double blowup = 0, log_blowup = 0;  ///< mean and mean logarithm of the code's form
  double theory_log_blowup = 0;       ///< mean logarithm of the theory's form
  double theory_squared_blowup = 0;   ///< mean square of that, which the theory bounds from below
};

/// A copy of a network on which is measured, in f64, while the network itself goes on training.
class BitProbe {
 public:
  /// `twin` is made as the networks are that shall be measured; its parameters that match `still`
  /// do not move. `norms`: points at which its norms are entered, two of them in the last layer.
  BitProbe(std::unique_ptr<nn::Module> twin, std::string still, std::string norms);

  /// Takes over the parameters of `network`. Error(names, shape) if it is made otherwise.
  void follow(const nn::Module& network);
  const nn::Module& module() const { return *twin_; }
  /// The standard deviation of noise of this radius: radius / sqrt(parameters that move).
  double eps_of(double radius) const;

  /// Strings i64 [n, bits] and labels [n].
  BitMeasurement measure(const Tensor& bits, const Tensor& labels,
                         const BitMeasurementOptions& options) const;
  /// On random strings of `bits` bits.
  BitMeasurement measure(const Target& target, std::int64_t bits,
                         const BitMeasurementOptions& options) const;

 private:
  std::unique_ptr<nn::Module> twin_;
  std::string norms_;
};

/// The random strings of measure(), i64 [strings, bits].
Tensor measured_strings(std::int64_t bits, const BitMeasurementOptions& options);
/// The noise of measure(): for label_sharpness and for output_sharpness.
ParameterNoise label_noise(const BitMeasurementOptions& options);
ParameterNoise output_noise(const BitMeasurementOptions& options, std::int64_t parameters);

}  // namespace sonde::experiments
