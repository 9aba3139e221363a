/// @file
/// Independent pieces of work of one program, such as a training each, side by side on the cores.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "experiments/common/run.hpp"

namespace sonde::experiments {

/// One piece of work. Between two calls of advance() its state can be saved, and another Job made
/// in the same way goes on from it to the same bits.
class Job {
 public:
  virtual ~Job() = default;
  /// Works for a second or so: what a killed run loses, and how long an interrupt waits. True when
  /// all is done.
  virtual bool advance() = 0;
  /// What it found. Becomes a line of the log.
  virtual Json result() const = 0;
  virtual void save(Checkpoint& checkpoint) const = 0;
  virtual void restore(const Checkpoint& checkpoint) = 0;
};

/// Makes job i. Called on the thread that will work on it, for several jobs at once.
using JobMaker = std::function<std::unique_ptr<Job>(std::int64_t i)>;

/// The jobs of a run. Each thread of the settings works on one job, whose kernels then have one
/// thread: for small networks that is the most that cores give. What a job finds depends on
/// nothing but its number, so results do not depend on the number of threads.
///
/// Finished jobs and the states of those under way are kept in the run's checkpoint: whoever uses
/// Jobs leaves Run::resumed() and Run::save() to it.
class Jobs {
 public:
  explicit Jobs(Run& run);

  /// Works on jobs 0 ... count - 1 and returns what they found, in this order; the log has a line
  /// for each, in this order too. `name` tells this list of jobs from others of the same run. The
  /// first Error of a job ends all. Throws Interrupted after a checkpoint.
  std::vector<Json> run(const std::string& name, std::int64_t count, const JobMaker& make);

 private:
  Run& run_;
  Checkpoint earlier_;              // of the run that is resumed
  Json finished_ = Json::object();  // the lists of jobs that are over: name and results
};

}  // namespace sonde::experiments
