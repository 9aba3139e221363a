/// @file
/// Run: one execution of an experiment, in its folder.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "autograd/profile.hpp"
#include "experiments/common/checkpoint.hpp"
#include "experiments/common/cli.hpp"
#include "experiments/common/interrupt.hpp"
#include "experiments/common/lock_file.hpp"
#include "experiments/common/progress.hpp"
#include "experiments/common/results.hpp"
#include "experiments/common/run_log.hpp"

namespace sonde::experiments {

/// The folder of the run: config.json, log.jsonl, results.csv, figures/, report.html, summary.json,
/// the last two checkpoints, and while it goes on a lock. Every file but the log appears whole or
/// not at all.
class Run {
 public:
  /// Makes the folder, locks it, writes config.json, sets the number of threads. A finished or
  /// abandoned run of the same experiment in it is started over, or with --resume continued.
  /// Error(usage) if the folder is in use, holds other files, or holds a run with other settings to
  /// be resumed.
  explicit Run(const Cli& cli);

  const Settings& settings() const { return cli_.settings(); }

  /// The state of the last checkpoint, if the run is resumed and there is one. Call it once, before
  /// the first log line. A damaged one is passed over for the one before, with a line on standard
  /// error; Error(format) if none is whole.
  std::optional<Checkpoint> resumed();
  /// Saves a state from which the run can go on. The log up to here belongs to it.
  void save(Checkpoint checkpoint);
  /// The same, but only if the last checkpoint is ten seconds old or more (see set_save_pause()).
  void save_if_due(const std::function<Checkpoint()>& state);
  /// If a signal has come: saves what `state` returns, if given, and throws Interrupted.
  void stop_if_interrupted(const std::function<Checkpoint()>& state = {});

  /// Adds to config.json, beside the settings, what only the data could tell.
  void describe(const std::string& name, const Json& value);

  /// One line of log.jsonl. Lines hold no times, so a resumed run has the same log as an
  /// uninterrupted one.
  void log(const Json& line) { log_.write(line); }
  Progress progress(std::string label, std::int64_t total, std::string unit) const {
    return Progress(std::move(label), total, std::move(unit), Progress::standard(settings().quiet));
  }

  /// What the run found; filled by the experiment.
  Results results;

  /// Writes results.csv, the figures, report.html and summary.json, in this order; before them the
  /// profile, if asked for.
  void finish();
  /// The lines a person reads at the end: headline numbers, verdicts, where the report lies.
  std::string closing_lines() const;

 private:
  std::filesystem::path file(std::string_view name) const { return folder_ / name; }
  double wall_seconds() const;
  std::int64_t peak() const;  // bytes of tensors on the device

  const Cli& cli_;
  std::filesystem::path folder_;
  LockFile lock_;
  CheckpointFiles checkpoints_;
  bool resuming_;
  Json described_ = Json::object();
  RunLog log_;
  Profile profile_;
  std::optional<ObserverScope> profiling_;
  double started_, saved_, earlier_seconds_ = 0;
  std::int64_t earlier_peak_ = 0;
};

/// How many seconds old the last checkpoint of a run is when save_if_due() saves: 10, unless set.
/// It decides how much a killed run does again, never what it finds. A test sets less, so that a
/// short run leaves checkpoints to be killed at.
void set_save_pause(double seconds);

}  // namespace sonde::experiments
