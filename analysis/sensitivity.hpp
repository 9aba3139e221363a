/// @file
/// Sensitivity of a classifier: how often its prediction flips when a part of the input, or of a
/// value inside the network, is disturbed. Vasudeva, Fu, Zhou, Kau, Huang, Sharan, "Transformers
/// learn low sensitivity functions", 2025, definition 4.1.
#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "analysis/perturbation.hpp"
#include "analysis/statistics.hpp"
#include "analysis/taps.hpp"

namespace sonde {

/// A network as a function of data: inputs [n, ...] to logits [n, classes]. It gets its inputs on
/// the host, where they are disturbed, and moves them to its device itself.
using Classifier = std::function<Tensor(const Tensor& inputs)>;

/// The class of each row: its greatest logit, the first of equals. logits [n, classes], classes >=
/// 1, f32 or f64.
std::vector<std::int64_t> predictions(const Tensor& logits);

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

/// Draw `draw` of the noise at `position` of input `input`.
struct Trial {
  std::int64_t input, position, draw;
};

/// The key of a trial's noise: fold_in(fold_in(fold_in(key, input), position), draw).
philox::Key trial_key(philox::Key key, const Trial& trial);

/// Disturbs row k of `values` [trials, ...] in place as trial k says: its position, by noise of its
/// trial_key. `values` is row-major, f32, f64 or i64; Error(dtype), Error(shape) unless there is a
/// trial for each row.
void disturb(const Tensor& values, const Perturbation& perturbation, double sigma, philox::Key key,
             std::span<const Trial> trials);
/// disturb() on a copy, from and to any device by way of the host.
Tensor disturbed(const Tensor& values, const Perturbation& perturbation, double sigma,
                 philox::Key key, std::span<const Trial> trials);

struct SensitivityOptions {
  double sigma = 1;           ///< standard deviation of the noise
  std::int64_t draws = 1;     ///< m: noises for each input and position
  philox::Key key{};          ///< of all noises; each has its trial_key
  std::int64_t batch = 1024;  ///< perturbed inputs in one call of the classifier; changes no result
  /// `sigma` counts in units of the root mean square c of the clean values' elements, so that for
  /// embeddings e the noise's variance is (sigma c)^2 = sigma^2 E|e|^2 / dim.
  bool relative = false;
  /// bool [n, positions]: which inputs have which positions (tokens that are no padding), at least
  /// one each. Others are not disturbed and do not count, nor in `relative`. Empty: all.
  Tensor present{};
};

struct Sensitivity {
  std::int64_t flips = 0, trials = 0;
  Sample by_input;     ///< share of flipped predictions of each input
  Sample by_position;  ///< share of flipped predictions at each position; NaN where no input has it
  Tensor shares;       ///< of each input and position, f64 [n, positions]; NaN where it has none

  /// The same as by_position, counted from each input's last position backwards.
  Sample by_position_from_end() const;
  /// flips / trials, with the bootstrap interval that draws whole inputs: the trials of one input
  /// are dependent. Where inputs have different numbers of trials, the interval is that of the
  /// ratio to first order.
  Estimate clustered(std::uint64_t seed) const;
  /// The same value with the binomial error sqrt(S (1 - S) / trials), which takes all trials for
  /// independent.
  Estimate binomial() const;
};

/// S = mean over inputs x, positions t and draws of [prediction(x disturbed at t) !=
/// prediction(x)]. inputs is [n, ...] of the perturbation's shape, f32, f64 or i64. Error(shape,
/// dtype) if they do not fit, Error(value) on no inputs or options out of range. `pause` is called
/// between batches with the share done and may throw to stop.
Sensitivity sensitivity(const Classifier& classifier, const Tensor& inputs,
                        const Perturbation& perturbation, const SensitivityOptions& options,
                        const std::function<void(double share)>& pause = {});

/// The same, position by position, by a classifier that may make use of it: the same noises and the
/// same decisions, except where rounding decides between two equal logits.
Sensitivity sensitivity(PatchedClassifier& classifier, const Tensor& inputs,
                        const Perturbation& perturbation, const SensitivityOptions& options,
                        const std::function<void(double share)>& pause = {});

/// The same where not the inputs are disturbed but the value at `point` of the network, which is
/// [n, ...] of the perturbation's shape: embedding noise, with token_noise() or whole_noise() at
/// "embeddings.word_embeddings.out". Error(names) as value_at().
Sensitivity sensitivity(const TappedFunction& classifier, std::string_view point,
                        const Tensor& inputs, const Perturbation& perturbation,
                        const SensitivityOptions& options,
                        const std::function<void(double share)>& pause = {});

}  // namespace sonde
