/// @file
/// Sensitivity of a classifier: how often its prediction flips when noise is added to a part of the
/// input. Vasudeva, Fu, Zhou, Kau, Huang, Sharan, "Transformers learn low sensitivity functions",
/// 2025, definition 4.1.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "analysis/statistics.hpp"
#include "tensor/philox.hpp"
#include "tensor/tensor.hpp"

namespace sonde {

/// A network as a function of data: inputs [n, ...] to logits [n, classes].
using Classifier = std::function<Tensor(const Tensor& inputs)>;

/// The class of each row: its greatest logit, the first of equals. logits [n, classes], classes >=
/// 1, f32 or f64.
std::vector<std::int64_t> predictions(const Tensor& logits);

/// Rows top ... top + height - 1 and columns left ... left + width - 1 of an image, all channels.
struct Window {
  std::int64_t top = 0, left = 0, height = 0, width = 0;
};

/// A network that is told where disturbed inputs differ from clean ones it has seen, so that it
/// needs to compute no more than what that changes. Its logits are those of a Classifier up to
/// rounding.
class PatchedClassifier {
 public:
  virtual ~PatchedClassifier() = default;
  /// Logits of clean inputs [n, channels, height, width], which are the ones that `of` refers to
  /// from now on.
  virtual Tensor see(const Tensor& clean) = 0;
  /// Logits of disturbed inputs, the k-th of which is clean input of[k] outside of `window`.
  virtual Tensor patched(const Tensor& inputs, std::span<const std::int64_t> of,
                         const Window& window) const = 0;
};

/// Which elements of an input are disturbed together: position t of 0 ... positions() - 1.
class Perturbation {
 public:
  virtual ~Perturbation() = default;
  virtual std::int64_t positions() const = 0;
  /// Where position `t` lies, if it is the same in every input.
  virtual std::optional<Window> window(std::int64_t) const { return {}; }
  /// Adds `sigma` times standard normal noise to the elements of position `t` in one input of shape
  /// [channels, height, width]; the noise is a pure function of `key`.
  virtual void apply(std::span<float> input, std::int64_t t, double sigma,
                     philox::Key key) const = 0;
};

/// Every square patch of a grid in turn, all channels of it (the definition of the paper).
/// Error(value) unless `patch` divides height and width.
std::unique_ptr<Perturbation> patch_noise(std::int64_t channels, std::int64_t height,
                                          std::int64_t width, std::int64_t patch);
/// patch^2 pixels drawn with replacement from the whole image (what the authors' code computes;
/// there the pixels are drawn once for a batch, here for each image). A position is one such
/// draw: `repetitions` of them, or if 0 as many as there are patches.
std::unique_ptr<Perturbation> scattered_noise(std::int64_t channels, std::int64_t height,
                                              std::int64_t width, std::int64_t patch,
                                              std::int64_t repetitions = 0);

/// Draw `draw` of the noise at `position` of input `input`.
struct Trial {
  std::int64_t input, position, draw;
};

/// The key of a trial's noise: fold_in(fold_in(fold_in(key, input), position), draw).
philox::Key trial_key(philox::Key key, const Trial& trial);

struct SensitivityOptions {
  double sigma = 1;           ///< standard deviation of the noise
  std::int64_t draws = 1;     ///< m: noises for each input and position
  philox::Key key{};          ///< of all noises; each has its trial_key
  std::int64_t batch = 1024;  ///< perturbed inputs in one call of the classifier; changes no result
};

struct Sensitivity {
  std::int64_t flips = 0, trials = 0;
  Sample by_input;     ///< share of flipped predictions of each input
  Sample by_position;  ///< share of flipped predictions at each position

  /// The mean over inputs, with the bootstrap interval that draws whole inputs: the trials of one
  /// input are dependent.
  Estimate clustered(std::uint64_t seed) const;
  /// The same value with the binomial error sqrt(S (1 - S) / trials), which takes all trials for
  /// independent.
  Estimate binomial() const;
};

/// S = mean over inputs x, positions t and draws of [prediction(x disturbed at t) !=
/// prediction(x)]. inputs is f32 [n, channels, height, width]. Error(shape), Error(value) on no
/// inputs or options out of range. `pause` is called between batches with the share done and may
/// throw to stop.
Sensitivity sensitivity(const Classifier& classifier, const Tensor& inputs,
                        const Perturbation& perturbation, const SensitivityOptions& options,
                        const std::function<void(double share)>& pause = {});

/// The same, position by position, by a classifier that may make use of it: the same noises and the
/// same decisions, except where rounding decides between two equal logits.
Sensitivity sensitivity(PatchedClassifier& classifier, const Tensor& inputs,
                        const Perturbation& perturbation, const SensitivityOptions& options,
                        const std::function<void(double share)>& pause = {});

}  // namespace sonde
