/// @file
/// Training of a network on a function of bit strings, from a state that can be saved and restored
/// between any two steps.
#pragma once

#include <functional>

#include "experiments/boolean/target.hpp"
#include "experiments/common/checkpoint.hpp"
#include "nn/module.hpp"
#include "optim/adam.hpp"

namespace sonde::experiments {

/// Strings i64 [B, n] for a key.
using BitSource = std::function<Tensor(philox::Key key)>;
/// `strings` uniformly random ones of n bits.
BitSource uniform_bits(std::int64_t strings, std::int64_t n);
/// `strings` drawn from the rows of `set` [m, n], with replacement.
BitSource bits_among(const Tensor& set, std::int64_t strings);
/// `set` itself in each step.
BitSource whole_set(const Tensor& set);

struct BitTrainingOptions {
  double lr = 1e-3;
  double weight_decay = 0.1;  ///< AdamW's, of every parameter
  philox::Key key{};          ///< of the strings: those of a step are a function of key and step
};

/// AdamW on the mean squared error against labels 0 and 1 (a real number for the mean).
class BitTraining {
 public:
  /// `module`, which takes [B, n] to [B], must outlive the training.
  BitTraining(nn::Module& module, Target target, BitSource source,
              const BitTrainingOptions& options);

  /// Trains on the next strings; returns their loss. Error(numeric) if that is not finite.
  double step();
  std::int64_t steps() const { return optimizer_.steps(); }

  /// Adds the state to a checkpoint, its names beginning with `prefix`; "model." is the module's
  /// state dict.
  void save(Checkpoint& checkpoint, const std::string& prefix) const;
  /// Error(format, names, shape) if the checkpoint holds no state of such a training.
  void restore(const Checkpoint& checkpoint, const std::string& prefix);

 private:
  nn::Module& module_;
  Target target_;
  BitSource source_;
  philox::Key key_;
  optim::AdamW optimizer_;
};

}  // namespace sonde::experiments
