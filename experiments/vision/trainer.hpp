/// @file
/// Training of an image classifier, one step at a time, from a state that can be saved and restored
/// between any two steps.
#pragma once

#include "analysis/sensitivity.hpp"
#include "experiments/common/checkpoint.hpp"
#include "experiments/data/images.hpp"
#include "experiments/data/loader.hpp"
#include "nn/module.hpp"
#include "optim/adam.hpp"
#include "optim/schedule.hpp"

namespace sonde::experiments {

/// The module by its own parameters, in eval mode, where it lies.
Classifier classifier(const nn::Module& module);

/// Share of `set` that the classifier gets right.
double accuracy(const Classifier& classify, const ImageSet& set);

struct TrainerOptions {
  std::int64_t batch = 100;
  double lr = 1e-3;
  optim::Schedule schedule = optim::constant_lr(1);
  bool drop_last = false;
  Augmentation augment{};
  philox::Key key{};  ///< of the order of the data, augmentation and dropout
};

/// Adam on the mean cross-entropy. Data order, augmentation and dropout are pure functions of (key,
/// epoch) and (key, step), and the schedule of the step: so parameters, buffers, optimiser state
/// and position are the whole state, and a resumed training has the bits of an uninterrupted one.
class Trainer {
 public:
  /// Batches are moved to where `module` lies, which must outlive the trainer. Error(usage) if the
  /// batch is larger than the data.
  Trainer(nn::Module& module, const ImageSet& data, TrainerOptions options);

  /// Trains on the next batch; returns its loss. Error(numeric) if that is not finite; then nothing
  /// but the position has changed.
  double step();
  std::int64_t steps() const { return optimizer_.steps(); }
  std::int64_t steps_per_epoch() const { return loader_.steps_per_epoch(); }

  /// Adds the state to a checkpoint, its names beginning with `prefix`: "model." is the module's
  /// state dict.
  void save(Checkpoint& checkpoint, const std::string& prefix) const;
  /// Error(format, names, shape) if the checkpoint holds no state of such a trainer.
  void restore(const Checkpoint& checkpoint, const std::string& prefix);

 private:
  nn::Module& module_;
  optim::Schedule schedule_;
  Loader loader_;
  optim::Adam optimizer_;
};

}  // namespace sonde::experiments
