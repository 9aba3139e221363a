/// @file
/// A training as a job.
#pragma once

#include <memory>

#include "experiments/boolean/training.hpp"
#include "experiments/common/jobs.hpp"

namespace sonde::experiments {

/// When a training ends.
struct TrainingEnd {
  std::int64_t steps = 1000;  ///< at the latest
  /// The first step whose strings have a loss below this is the last one, for labels 0 and 1.
  double loss_below = 0;
  std::int64_t glance_every = 0;  ///< steps between glances on the way; 0: none
};

/// Trains a network to the end, then looks at it once.
class TrainingJob : public Job {
 public:
  bool advance() final;
  void save(Checkpoint& checkpoint) const final;
  void restore(const Checkpoint& checkpoint) final;

 protected:
  TrainingJob(std::unique_ptr<nn::Module> net, BitTask task, BitSource source,
              const BitTrainingOptions& options, TrainingEnd end);
  std::int64_t steps() const { return training_.steps(); }
  /// Keeps what result() shall tell.
  virtual void look(const nn::Module& net) = 0;
  /// What shall be noted of the network on the way.
  virtual Json glance(const nn::Module&) { return {}; }
  /// [{"step", "seen"}, ...] of all glances.
  const Json& course() const { return course_; }

 private:
  bool over() const { return low_enough_ || training_.steps() >= end_.steps; }

  const std::unique_ptr<nn::Module> net_;
  const TrainingEnd end_;
  BitTraining training_;
  bool low_enough_ = false;
  Json course_ = Json::array();
};

}  // namespace sonde::experiments
