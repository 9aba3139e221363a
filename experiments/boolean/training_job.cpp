#include "experiments/boolean/training_job.hpp"

#include <chrono>

namespace sonde::experiments {

TrainingJob::TrainingJob(std::unique_ptr<nn::Module> net, Target target, BitSource source,
                         const BitTrainingOptions& options, TrainingEnd end)
    : net_(std::move(net)),
      end_(end),
      training_(*net_, std::move(target), std::move(source), options) {}

bool TrainingJob::advance() {
  if (over()) {
    look(*net_);
    return true;
  }
  using Clock = std::chrono::steady_clock;
  const auto stop = Clock::now() + std::chrono::seconds(1);
  while (!over() && Clock::now() < stop) low_enough_ = training_.step() < end_.loss_below;
  return false;
}

void TrainingJob::save(Checkpoint& c) const {
  training_.save(c, "");
  if (low_enough_) c.state["low_enough"] = true;
}

void TrainingJob::restore(const Checkpoint& c) {
  training_.restore(c, "");
  low_enough_ = c.state.contains("low_enough");
}

}  // namespace sonde::experiments
