#include "experiments/common/jobs.hpp"

#include <fmt/format.h>

#include <chrono>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "tensor/parallel.hpp"

namespace sonde::experiments {
namespace {

std::string prefix_of(std::int64_t job) {
  return fmt::format("job.{}.", job);
}

// A state whose tensors nobody writes to any more.
Checkpoint saved(const Job& job) {
  Checkpoint state;
  job.save(state);
  for (auto& [name, tensor] : state.tensors) tensor = tensor.clone();
  return state;
}

// Kernels have one thread while several jobs run.
class ThreadsForKernels {
 public:
  explicit ThreadsForKernels(int n) : before_(threads()) { set_threads(n); }
  ~ThreadsForKernels() { set_threads(before_); }
  ThreadsForKernels(const ThreadsForKernels&) = delete;
  ThreadsForKernels& operator=(const ThreadsForKernels&) = delete;

 private:
  const int before_;
};

// What the threads at work and the one that watches them share.
class Crew {
 public:
  Crew(std::int64_t count, const JobMaker& make)
      : make_(make), results_(static_cast<std::size_t>(count)) {}
  ~Crew() {
    stop();
    for (std::thread& t : threads_) t.join();
  }
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  /// Before start(): a job that an earlier process finished, or the state it left one in.
  void take_result(std::int64_t job, Json result) { at(job) = std::move(result); }
  void take_state(std::int64_t job, Checkpoint state) { states_[job] = std::move(state); }

  void start(std::int64_t workers) {
    for (std::int64_t i = 0; i < workers; ++i) threads_.emplace_back([this] { work(); });
  }
  void stop() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }

  /// Waits a moment. Returns whether all jobs are finished; throws the Error of one that failed.
  bool finished() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(200), [&] { return failed_ || over(); });
    if (failed_) std::rethrow_exception(failed_);
    return over();
  }
  /// Calls f(result) for jobs from `first` on, up to the first that is not finished; returns that.
  template <class F>
  std::int64_t for_finished(std::int64_t first, F f) {
    const std::lock_guard lock(mutex_);
    for (; first < count() && at(first); ++first) f(*at(first));
    return first;
  }
  std::int64_t finished_jobs() {
    const std::lock_guard lock(mutex_);
    return std::ranges::count_if(results_, [](const auto& r) { return r.has_value(); });
  }

  /// The results so far and a state of each job under way, as soon as each thread has come to a
  /// point where it can tell.
  void collect(Json& results, std::map<std::int64_t, Checkpoint>& states) {
    std::unique_lock lock(mutex_);
    ++asked_;
    changed_.wait(lock, [&] {
      return failed_ ||
             std::ranges::all_of(under_way_, [&](const auto& job) { return job.second == asked_; });
    });
    if (failed_) std::rethrow_exception(failed_);
    results = Json::array();
    for (const auto& r : results_) results.push_back(r ? *r : Json());
    states = states_;
  }

 private:
  std::int64_t count() const { return static_cast<std::int64_t>(results_.size()); }
  std::optional<Json>& at(std::int64_t job) { return results_[static_cast<std::size_t>(job)]; }
  bool over() const {
    return std::ranges::all_of(results_, [](const auto& r) { return r.has_value(); });
  }

  void work() {
    try {
      while (const auto job = next()) work_on(*job);
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failed_) failed_ = std::current_exception();
      stopping_ = true;
      changed_.notify_all();
    }
  }

  std::optional<std::int64_t> next() {
    const std::lock_guard lock(mutex_);
    while (next_ < count() && at(next_)) ++next_;
    if (stopping_ || next_ == count()) return {};
    under_way_[next_] = 0;
    return next_++;
  }

  void work_on(std::int64_t i) {
    const std::unique_ptr<Job> job = make_(i);
    if (const auto state = state_of(i)) job->restore(*state);
    while (!job->advance())
      if (!go_on(i, *job)) return;
    Json result = job->result();
    const std::lock_guard lock(mutex_);
    at(i) = std::move(result);
    states_.erase(i);
    under_way_.erase(i);
    changed_.notify_all();
  }

  std::optional<Checkpoint> state_of(std::int64_t i) {
    const std::lock_guard lock(mutex_);
    const auto found = states_.find(i);
    return found == states_.end() ? std::optional<Checkpoint>() : found->second;
  }

  // Leaves the job's state where it was asked for; false if work is to stop.
  bool go_on(std::int64_t i, const Job& job) {
    const std::lock_guard lock(mutex_);
    if (under_way_[i] != asked_) {
      states_[i] = saved(job);
      under_way_[i] = asked_;
      changed_.notify_all();
    }
    return !stopping_;
  }

  const JobMaker& make_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::optional<Json>> results_;
  std::map<std::int64_t, Checkpoint> states_;       // the last known of jobs that have begun
  std::map<std::int64_t, std::int64_t> under_way_;  // jobs, and which question each answered
  std::int64_t next_ = 0, asked_ = 0;
  bool stopping_ = false;
  std::exception_ptr failed_;
  std::vector<std::thread> threads_;
};

// What an earlier process left of this list of jobs; how many of them are in the log.
std::int64_t restore(Crew& crew, const Checkpoint& earlier, const std::string& name,
                     std::int64_t count) try {
  const Json list = earlier.state.value("jobs", Json::object());
  if (list.value("name", "") != name) return 0;
  const Json& results = list.at("results");
  if (std::cmp_not_equal(results.size(), count))
    fail(ErrorCode::format, "checkpoint", "holds {} jobs '{}', not {}", results.size(), name,
         count);
  for (std::int64_t i = 0; i < count; ++i)
    if (const Json& r = results[static_cast<std::size_t>(i)]; !r.is_null()) crew.take_result(i, r);
  for (const auto& [job, state] : list.at("states").items()) {
    const std::int64_t i = std::stoll(job);
    crew.take_state(i, {state, earlier.tensors_under(prefix_of(i))});
  }
  return integer_at<std::int64_t>(list, "logged");
} catch (const Json::exception& e) {
  fail(ErrorCode::format, "checkpoint", "{}", e.what());
}

}  // namespace

Jobs::Jobs(Run& run) : run_(run) {
  if (std::optional<Checkpoint> earlier = run.resumed()) {
    earlier_ = std::move(*earlier);
    finished_ = earlier_.state.value("finished", Json::object());
  }
}

std::vector<Json> Jobs::run(const std::string& name, std::int64_t count, const JobMaker& make) {
  if (finished_.contains(name)) return finished_.at(name).get<std::vector<Json>>();
  const auto workers = std::min<std::int64_t>(count, threads());
  const ThreadsForKernels one_each(workers > 1 ? 1 : threads());
  Crew crew(count, make);
  std::int64_t logged = restore(crew, earlier_, name, count), shown = crew.finished_jobs();
  const auto log = [&] {
    logged = crew.for_finished(logged, [&](const Json& result) { run_.log(result); });
  };
  const auto state = [&] {
    Checkpoint all;
    Json results, states = Json::object();
    std::map<std::int64_t, Checkpoint> of_jobs;
    crew.collect(results, of_jobs);
    for (const auto& [job, one] : of_jobs) {
      states[std::to_string(job)] = one.state;
      all.add(prefix_of(job), one.tensors);
    }
    all.state["finished"] = finished_;
    all.state["jobs"] = {
        {"name", name}, {"results", results}, {"states", states}, {"logged", logged}};
    return all;
  };
  Progress progress = run_.progress(name, count, "jobs");
  progress.start_at(shown);
  crew.start(workers);
  for (bool over = false; !over;) {
    over = crew.finished();
    log();
    const std::int64_t now = crew.finished_jobs();
    progress.advance(now - shown);
    shown = now;
    run_.stop_if_interrupted(state);
    run_.save_if_due(state);
  }
  std::vector<Json> results;
  crew.for_finished(0, [&](const Json& result) { results.push_back(result); });
  finished_[name] = results;
  return results;
}

}  // namespace sonde::experiments
