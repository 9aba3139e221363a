/// @file
/// Training of a network on a function of bit strings, from a state that can be saved and restored
/// between any two steps.
#pragma once

#include <functional>

#include "experiments/boolean/target.hpp"
#include "experiments/common/checkpoint.hpp"
#include "nn/module.hpp"
#include "optim/adam.hpp"
#include "optim/schedule.hpp"

namespace sonde::experiments {

/// Strings i64 [B, n] for a key.
using BitSource = std::function<Tensor(philox::Key key)>;
/// `strings` uniformly random ones of n bits.
BitSource uniform_bits(std::int64_t strings, std::int64_t n);
/// `strings` drawn from the rows of `set` [m, n], with replacement.
BitSource bits_among(const Tensor& set, std::int64_t strings);
/// `set` itself in each step.
BitSource whole_set(const Tensor& set);

/// What a network shall make smaller: a number, of its outputs for the strings of a step.
using BitLoss = std::function<Var(const Var& outputs, const Tensor& strings)>;

/// What is learnt.
struct BitTask {
  /// The mean squared error against the target's labels: 0 and 1, or a real number for the mean.
  BitTask(const Target& target);
  BitTask(std::string task_name, BitLoss task_loss)
      : name(std::move(task_name)), loss(std::move(task_loss)) {}

  std::string name;  ///< in errors
  BitLoss loss;
};

struct BitTrainingOptions {
  double lr = 1e-3;
  double weight_decay = 0.1;   ///< AdamW's, of every parameter
  philox::Key key{};           ///< of the strings: those of a step are a function of key and step
  optim::Schedule schedule{};  ///< of the learning rate; it is constant without one
};

/// AdamW on a task.
class BitTraining {
 public:
  /// `module`, which takes the strings [B, n] (to [B], for a target), must outlive the training.
  BitTraining(nn::Module& module, BitTask task, BitSource source,
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
  BitTask task_;
  BitSource source_;
  philox::Key key_;
  optim::Schedule schedule_;
  optim::AdamW optimizer_;
};

}  // namespace sonde::experiments
