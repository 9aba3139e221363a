#include "experiments/sweep/runner.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <list>
#include <thread>
#include <utility>

#include "experiments/common/folder.hpp"
#include "experiments/common/interrupt.hpp"
#include "experiments/common/progress.hpp"
#include "experiments/sweep/process.hpp"
#include "experiments/sweep/run_folder.hpp"

namespace sonde::experiments {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto tick = std::chrono::milliseconds(10);
constexpr auto look_again = std::chrono::milliseconds(300);  // at runs that others have

// A run under way.
struct Child {
  const PlannedRun* run;
  RunFolder folder;
  Claimed claim;
  pid_t process;
};

class Runner {
 public:
  Runner(const std::vector<PlannedRun>& runs, const RunnerOptions& options);
  std::vector<FailedRun> work();

 private:
  RunFolder folder_of(const PlannedRun& run) const {
    return RunFolder(run_path(options_.folder, run));
  }
  bool settled(const PlannedRun& run, bool first);
  void fill();
  bool start(const PlannedRun& run);
  void reap();
  void note_end(const Child& child, int status) const;
  void stop() const;
  void check_settings(const Child& child) const;

  const RunnerOptions& options_;
  std::vector<const PlannedRun*> open_;  // not settled and not under way here
  std::list<Child> children_;
  std::vector<FailedRun> failed_;
  Progress progress_;
  std::int64_t before_ = 0;  // finished when this began
  Clock::time_point next_look_{};
};

Runner::Runner(const std::vector<PlannedRun>& runs, const RunnerOptions& options)
    : options_(options),
      progress_("runs", static_cast<std::int64_t>(runs.size()), "runs",
                Progress::standard(options.quiet)) {
  for (const PlannedRun& run : runs) {
    const RunFolder folder = folder_of(run);
    if (options.retry_failed && !folder.failures().empty())
      if (const auto claim = folder.claim()) folder.forget_failures();
    if (!settled(run, true)) open_.push_back(&run);
  }
  progress_.start_at(before_);
}

// Whether a run needs nothing more; counts it then.
bool Runner::settled(const PlannedRun& run, bool first) {
  const RunFolder folder = folder_of(run);
  const bool finished = folder.summary().has_value();
  if (!finished) {
    const std::vector<std::string> failures = folder.failures();
    if (failures.size() < attempts) return false;
    failed_.push_back({run.name, failures.back()});
  }
  if (first)
    ++before_;
  else
    progress_.advance(1, failed_.empty() ? "" : fmt::format("{} failed", failed_.size()));
  return true;
}

// Whether the run could be claimed. What another process finished meanwhile stays as it is.
bool Runner::start(const PlannedRun& run) {
  RunFolder folder = folder_of(run);
  std::optional<Claimed> claim = folder.claim();
  if (!claim) return false;
  if (folder.summary() || folder.failures().size() >= attempts) return false;
  std::vector<std::string> words{options_.program.string(), "--out=" + folder.path().string(),
                                 fmt::format("--threads={}", options_.threads), "--quiet",
                                 "--resume"};
  if (!options_.data_dir.empty()) words.push_back("--data-dir=" + options_.data_dir);
  for (std::string& w : option_words(run.settings)) words.push_back(std::move(w));
  const Descriptor nothing("start", "/dev/null", O_RDWR);
  const Descriptor errors("start", folder.errors().string(), O_WRONLY | O_CREAT | O_TRUNC);
  const pid_t process = start_process(
      words, {.out = nothing.get(), .err = errors.get(), .kept = claim->descriptor()});
  children_.push_back({&run, std::move(folder), std::move(*claim), process});
  return true;
}

// Starts runs while there are cores; of those that cannot be had now each is asked again later.
void Runner::fill() {
  if (Clock::now() < next_look_) return;
  for (std::size_t i = 0; i < open_.size();) {
    if (static_cast<std::int64_t>(children_.size()) >= options_.jobs) return;
    if (settled(*open_[i], false) || start(*open_[i]))
      open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(i));
    else
      ++i;
  }
  next_look_ = Clock::now() + look_again;
}

// A run whose program took other settings than the plan says is no result of the plan.
void Runner::check_settings(const Child& child) const {
  const Json ran = child.folder.settings();
  for (const auto& [name, value] : child.run->settings.items())
    if (const Json taken = ran.value(name, Json()); taken != value)
      fail_hint(ErrorCode::usage, "sweep",
                "build the program again as it was, or begin a new sweep",
                "{} ran with {} = {}, its plan says {}", child.folder.path().string(), name,
                taken.dump(), value.dump());
}

void Runner::note_end(const Child& child, int status) const {
  if (child.folder.summary()) {
    check_settings(child);
    return;
  }
  if (interrupted()) return;
  const std::string said = last_line(read_text(child.folder.errors()));
  child.folder.add_failure(
      fmt::format("{} (status {})", said.empty() ? "it said nothing" : said, status));
}

void Runner::reap() {
  for (auto child = children_.begin(); child != children_.end();) {
    const std::optional<int> status = ended(child->process);
    if (!status) {
      ++child;
      continue;
    }
    note_end(*child, *status);
    open_.insert(open_.begin(), child->run);  // settled, or the first to be tried again
    child = children_.erase(child);
    next_look_ = {};
  }
}

void Runner::stop() const {
  for (const Child& child : children_) ::kill(child.process, SIGTERM);
}

std::vector<FailedRun> Runner::work() {
  bool stopping = false;
  for (;;) {
    reap();
    if (interrupted() && !std::exchange(stopping, true)) stop();
    if (!stopping) fill();
    if (children_.empty() && (stopping || open_.empty())) break;
    std::this_thread::sleep_for(tick);
  }
  if (stopping) throw Interrupted{};
  return failed_;
}

}  // namespace

std::filesystem::path run_path(const std::filesystem::path& folder, const PlannedRun& run) {
  return folder / "runs" / run.name;
}

std::vector<PlannedRun> runs_of(const SweepPlan& plan, const Shard& shard) {
  std::vector<PlannedRun> out;
  for (std::size_t k = 0; k < plan.runs.size(); ++k)
    if (static_cast<std::int64_t>(k) % shard.of == shard.index) out.push_back(plan.runs[k]);
  return out;
}

std::vector<FailedRun> run_all(const SweepPlan& plan, const RunnerOptions& options) {
  const std::vector<PlannedRun> runs = runs_of(plan, options.shard);
  return Runner(runs, options).work();
}

}  // namespace sonde::experiments
