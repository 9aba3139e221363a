/// @file
/// The parts of a long measurement, each of which is computed once however often the run is
/// interrupted.
#pragma once

#include <functional>
#include <string>

#include "experiments/common/run.hpp"

namespace sonde::experiments {

class Stages {
 public:
  /// Goes on from the run's checkpoint, if it has one.
  explicit Stages(Run& run);

  /// Whether the run goes on from a checkpoint.
  bool resumed() const { return resumed_; }
  /// What `compute` returns, now or before the run was interrupted. A finished part is noted in the
  /// log and saved.
  Json once(const std::string& part, const std::function<Json()>& compute);
  /// The same for a tensor.
  Tensor tensor_once(const std::string& part, const std::function<Tensor()>& compute);
  /// A place where the run may be stopped.
  void pause();

 private:
  void finished(const std::string& part);

  Run& run_;
  Checkpoint done_;
  bool resumed_ = false;
};

/// Calls f, in which a checkpoint is read: what its contents lack is an Error(format).
template <class F>
void with_checkpoint(F f) {
  try {
    f();
  } catch (const Json::exception& e) {
    fail_hint(ErrorCode::format, "checkpoint", "start over without --resume",
              "its parts are not those of this program: {}", e.what());
  }
}

/// The progress of one part, at each step of which the run may be stopped.
class Watched {
 public:
  Watched(Run& run, Stages& stages, const std::string& label, std::int64_t total,
          const std::string& unit)
      : stages_(stages), progress_(run.progress(label, total, unit)), total_(total) {}
  /// `count` steps are done; more than were announced are passed over.
  void reached(std::int64_t count);
  /// The same by the share done.
  void reached_share(double share) {
    reached(static_cast<std::int64_t>(share * static_cast<double>(total_)));
  }

 private:
  Stages& stages_;
  Progress progress_;
  std::int64_t total_, done_ = 0;
};

}  // namespace sonde::experiments
