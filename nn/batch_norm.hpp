/// @file
/// Batch normalisation, the layer with state (Ioffe and Szegedy 2015, arXiv:1502.03167).
#pragma once

#include <optional>

#include "nn/module.hpp"

namespace sonde::nn {

struct BatchNormOptions {
  double eps = 1e-5;
  /// Share m of a new batch: running = (1 - m) running + m batch. Without one, all batches count
  /// the same (cumulative average).
  std::optional<double> momentum = 0.1;
  bool affine = true;
  bool track_running_stats = true;  ///< false: each batch by its own statistics, in eval mode too
};

/// Each channel (axis 1) as (x - mean) / sqrt(var + eps) * weight + bias. In training mean and
/// variance (over n values, divided by n) are the batch's, and new values for the buffers
/// running_mean, running_var (this one from the variance divided by n - 1) and num_batches_tracked
/// go to ctx.update; in eval mode they are the buffers'. Weights begin as 1, biases as 0.
class BatchNorm : public Module {
 public:
  using Options = BatchNormOptions;

  /// Error(shape) for other ranks or channels, and for one value a channel where the batch's
  /// statistics are wanted. Error(rule) in training under vmap, where every lane would have its own
  /// statistics.
  Var forward(Context& ctx, Var x) const override;
  std::string description() const override;

 protected:
  /// For inputs of rank `least_rank` to `greatest_rank`. Error(value) unless there are channels, or
  /// on a negative eps.
  BatchNorm(std::string name, int least_rank, int greatest_rank, std::int64_t num_features,
            Options options);

 private:
  Var by_batch(Context& ctx, const Var& x) const;
  void track(Context& ctx, const Var& mean, const Var& unbiased_var) const;

  std::string name_;
  int least_rank_, greatest_rank_;
  std::int64_t channels_;
  Options options_;
  Handle weight_, bias_, mean_, var_, batches_;
};

/// For [N, C] and [N, C, L].
class BatchNorm1d final : public BatchNorm {
 public:
  explicit BatchNorm1d(std::int64_t num_features, Options options = {})
      : BatchNorm("BatchNorm1d", 2, 3, num_features, options) {}
};

/// For [N, C, H, W].
class BatchNorm2d final : public BatchNorm {
 public:
  explicit BatchNorm2d(std::int64_t num_features, Options options = {})
      : BatchNorm("BatchNorm2d", 4, 4, num_features, options) {}
};

}  // namespace sonde::nn
