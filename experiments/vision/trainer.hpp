/// @file
/// Training of an image classifier, one step at a time, from a state that can be saved and restored
/// between any two steps.
#pragma once

#include "analysis/sensitivity.hpp"
#include "experiments/common/checkpoint.hpp"
#include "experiments/data/images.hpp"
#include "nn/module.hpp"
#include "optim/adam.hpp"

namespace sonde::experiments {

/// The module by its own parameters, in eval mode.
Classifier classifier(const nn::Module& module);

/// Share of `set` that the classifier gets right.
double accuracy(const Classifier& classify, const ImageSet& set);

struct TrainerOptions {
  std::int64_t batch = 100;
  double lr = 1e-3;
  philox::Key key{};  ///< of the order of the data
};

/// Adam on the mean cross-entropy. The order of the data is a pure function of (key, epoch), so
/// that parameters, optimiser state and the number of steps are the whole state. The last batch of
/// an epoch may be short.
class Trainer {
 public:
  /// `module` and `data` must outlive the trainer. Error(usage) if the batch is larger than the
  /// data.
  Trainer(nn::Module& module, const ImageSet& data, TrainerOptions options);

  /// Trains on the next batch; returns its loss. Error(numeric) if that is not finite.
  double step();
  std::int64_t steps() const { return steps_; }
  std::int64_t steps_per_epoch() const;

  /// Adds the state to a checkpoint, its tensors' names beginning with `prefix`.
  void save(Checkpoint& checkpoint, const std::string& prefix) const;
  /// Error(format, names, shape) if the checkpoint holds no state of such a trainer.
  void restore(const Checkpoint& checkpoint, const std::string& prefix);

 private:
  nn::Module& module_;
  const ImageSet& data_;
  TrainerOptions options_;
  optim::Adam optimizer_;
  std::int64_t steps_ = 0;
  std::int64_t epoch_ = -1;
  std::vector<std::int64_t> order_;  // of epoch_
};

}  // namespace sonde::experiments
