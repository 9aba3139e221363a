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

/// By how much norms stretch what enters them: over strings, of the product over norms of the
/// greatest stretch of a token.
struct BitBlowup {
  double mean = 0, log_mean = 0;  ///< mean and mean logarithm of the code's form
  double theory_log_mean = 0;     ///< mean logarithm of the theory's form
  double theory_square_mean = 0;  ///< mean square of that, which the theory bounds from below
};
/// Of the norms of `module` that are entered at points that match `norms`. The code's form looks at
/// the last token alone in so many of the last ones.
BitBlowup blowup_of(const nn::Module& module, const Tensor& bits, const std::string& norms,
                    std::int64_t read_at_last_token);

/// Losses and sharpness are those of labels -1 and 1: four times those of 0 and 1. Parameters are
/// those that move.
struct BitMeasurement {
  double loss = 0;
  Estimate label_sharpness{};  ///< rise of the loss under Gaussian noise, as the authors' code
  /// Squared change of the output (their mean, of several) on the sphere, as their theory.
  Estimate output_sharpness{};
  double radius = 0;  ///< eps sqrt(p)
  double norm = 0;    ///< of all parameters that move
  /// As in BitBlowup.
  double blowup = 0, log_blowup = 0, theory_log_blowup = 0, theory_squared_blowup = 0;
};

/// A copy of a network on which is measured, in f64, while the network itself goes on training.
class BitProbe {
 public:
  /// `twin` is made as the networks are that shall be measured; its parameters that match `still`
  /// do not move. `norms`: points at which its norms are entered; of the last ones so many are read
  /// at the last token alone: two, in the last layer of an encoder that is read there.
  BitProbe(std::unique_ptr<nn::Module> twin, const std::string& still, std::string norms,
           std::int64_t read_at_last_token = 2);

  /// Takes over the parameters of `network`. Error(names, shape) if it is made otherwise.
  void follow(const nn::Module& network);
  const nn::Module& module() const { return *twin_; }
  /// The standard deviation of noise of this radius: radius / sqrt(parameters that move).
  double eps_of(double radius) const;

  /// Strings i64 [n, bits] and labels of the outputs' shape, [n, ...].
  BitMeasurement measure(const Tensor& bits, const Tensor& labels,
                         const BitMeasurementOptions& options) const;
  /// On random strings of `bits` bits.
  BitMeasurement measure(const Target& target, std::int64_t bits,
                         const BitMeasurementOptions& options) const;

 private:
  std::unique_ptr<nn::Module> twin_;
  std::string norms_;
  std::int64_t read_at_last_token_;
};

/// The share of outputs that lie on their labels' side of one half, both of one shape.
double accuracy_of(const Tensor& outputs, const Tensor& labels);

/// The random strings of measure(), i64 [strings, bits].
Tensor measured_strings(std::int64_t bits, const BitMeasurementOptions& options);
/// The noise of measure(): for label_sharpness and for output_sharpness.
ParameterNoise label_noise(const BitMeasurementOptions& options);
ParameterNoise output_noise(const BitMeasurementOptions& options, std::int64_t parameters);

}  // namespace sonde::experiments
