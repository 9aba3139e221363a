#include "experiments/boolean/training_job.hpp"

#include <chrono>

namespace sonde::experiments {

TrainingJob::TrainingJob(std::unique_ptr<nn::Module> net, BitTask task, BitSource source,
                         const BitTrainingOptions& options, TrainingEnd end)
    : net_(std::move(net)),
      end_(end),
      training_(*net_, std::move(task), std::move(source), options) {}

bool TrainingJob::advance() {
  if (over()) {
    look(*net_);
    return true;
  }
  using Clock = std::chrono::steady_clock;
  const auto stop = Clock::now() + std::chrono::seconds(1);
  while (!over() && Clock::now() < stop) {
    low_enough_ = training_.step() < end_.loss_below;
    if (end_.glance_every > 0 && steps() % end_.glance_every == 0)
      course_.push_back({{"step", steps()}, {"seen", glance(*net_)}});
  }
  return false;
}

void TrainingJob::save(Checkpoint& c) const {
  training_.save(c, "");
  if (low_enough_) c.state["low_enough"] = true;
  if (end_.glance_every > 0) c.state["course"] = course_;
}

void TrainingJob::restore(const Checkpoint& c) {
  training_.restore(c, "");
  low_enough_ = c.state.contains("low_enough");
  course_ = c.state.value("course", Json::array());
}

}  // namespace sonde::experiments
