#include "experiments/sweep/sweep.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include "experiments/common/findings_files.hpp"
#include "experiments/common/interrupt.hpp"
#include "experiments/common/program.hpp"
#include "experiments/common/tool.hpp"
#include "experiments/sweep/findings.hpp"
#include "experiments/sweep/process.hpp"
#include "experiments/sweep/run_folder.hpp"
#include "experiments/sweep/runner.hpp"
#include "tensor/file.hpp"
#include "tensor/parallel.hpp"
#include "tensor/system.hpp"

namespace sonde::experiments {
namespace {

namespace fs = std::filesystem;

const About about{
    .name = "sweep",
    .measures = "An experiment at many settings: a grid, or values at random.",
    .paper = "none",
    .cost = "that of its runs: the plan is printed first, the time left after the first run"};

constexpr const char* footer =
    "FILE holds a JSON object: {\"fixed\": {\"quick\": true}, \"grid\": {\"width\": [8, 16], "
    "\"seed\": [1, 2, 3]},\n\"random\": {\"lr\": {\"log-uniform\": [1e-4, 1e-1]}}, \"draws\": 20, "
    "\"seed\": 7}; distributions are uniform, log-uniform, integers\n(both ends taken) and choice; "
    "\"blocks\" holds a list of such objects where parts of a sweep differ.\n"
    "Call it again to go on: finished runs are skipped, others go on from their checkpoints. "
    "Several processes may share\n--out where the file system has locks for all their hosts; where "
    "it has none, give each its own --shard, as in\nsweep ... --shard "
    "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT for array tasks from 1.\n"
    "Exit codes: 0 done, 2 bad usage, 3 a run failed twice, or bad data or a failed file or memory "
    "request, 130 interrupted\nafter the runs' checkpoints.";

struct Options {
  std::string experiment, grid, out, programs, data_dir, shard = "1/1";
  std::int64_t jobs = 0, threads = 1;
  bool plan_only = false, merge_only = false, retry_failed = false, quiet = false;
  Questions ask{};
};

void declare(CLI::App& app, Options& o) {
  o.jobs = threads();
  app.set_version_flag("--version", "sweep of Sonde " + std::string(version()));
  app.add_option("--experiment", o.experiment, "program that is run")->required();
  app.add_option("--grid", o.grid, "file of the settings, JSON")->required();
  app.add_option("--out", o.out, "folder of the sweep; out/sweep_EXPERIMENT if not given");
  app.add_option("--jobs", o.jobs, "runs at a time")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  app.add_option("--threads", o.threads, "threads of each run")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  app.add_option("--shard", o.shard, "i/n: the i-th of n parts of the runs")->capture_default_str();
  app.add_option("--data-dir", o.data_dir, "folder the runs search first for data sets");
  app.add_option("--programs", o.programs, "folder of the program; that of sweep if not given");
  app.add_flag("--plan-only", o.plan_only, "freeze and print the plan, run nothing");
  app.add_flag("--merge-only", o.merge_only, "run nothing, merge what is there");
  app.add_flag("--retry-failed", o.retry_failed, "try again what failed in earlier calls");
  app.add_flag("--quiet", o.quiet, "no plan and no progress, only the result");
  app.add_option("--where", o.ask.where, "take runs that meet it only: 'metrics.loss<0.001'")
      ->take_all();
  app.add_option("--by", o.ask.by, "options that tell groups apart; all that vary but seed")
      ->delimiter(',');
  app.add_option("--metrics", o.ask.metrics, "metrics to aggregate; all if not given")
      ->delimiter(',');
  app.add_option("--slope", o.ask.slopes, "regression line, 'log(metrics.loss) ~ log(width)'");
  app.add_option("--rank", o.ask.ranks,
                 "'metrics.loss ~ OPTION': rank-sum test between two values, rank correlation "
                 "with more");
  app.footer(footer);
}

Shard shard(const std::string& text) {
  const std::size_t slash = text.find('/');
  const double i = number_in(text.substr(0, slash));
  const double of = slash == std::string::npos ? 0 : number_in(text.substr(slash + 1));
  if (!(i >= 1 && i <= of && of <= 1e6 && i == std::floor(i) && of == std::floor(of)))
    fail(ErrorCode::usage, "--shard", "'{}' is not i/n with i in 1 ... n", text);
  return {static_cast<std::int64_t>(i) - 1, static_cast<std::int64_t>(of)};
}

std::string values_text(const SweepPlan& plan, const std::string& option) {
  constexpr std::size_t shown = 8;
  std::vector<std::string> values;
  for (const PlannedRun& run : plan.runs) {
    const std::string value = option_text(run.settings.value(option, Json("")));
    if (std::ranges::find(values, value) == values.end()) values.push_back(value);
  }
  const std::size_t all = values.size();
  values.resize(std::min(all, shown));
  return fmt::format("{}{}", fmt::join(values, "  "),
                     all > shown ? fmt::format("  ... ({} values)", all) : "");
}

// What the shard will do, and the time left if any of it is finished.
std::string plan_text(const SweepPlan& plan, const RunnerOptions& o) {
  const std::vector<PlannedRun> runs = runs_of(plan, o.shard);
  std::int64_t finished = 0;
  double seconds = 0;
  for (const PlannedRun& run : runs)
    if (const auto summary = RunFolder(run_path(o.folder, run)).summary()) {
      ++finished;
      if (summary->value("wall_s", Json()).is_number())
        seconds += summary->at("wall_s").get<double>();
    }
  std::string out =
      fmt::format("{}: {} runs in {}", plan.experiment, plan.runs.size(), o.folder.string());
  if (o.shard.of > 1)
    out +=
        fmt::format("; of these {} in part {} of {}", runs.size(), o.shard.index + 1, o.shard.of);
  if (plan.repeated > 0) out += fmt::format("; {} repeated ones left out", plan.repeated);
  out += fmt::format("\n{} at a time, threads of each: {}\n", o.jobs, o.threads);
  for (const std::string& option : plan.varied())
    out += fmt::format("  {:<16} {}\n", option, values_text(plan, option));
  const auto left = static_cast<std::int64_t>(runs.size()) - finished;
  out += fmt::format("{} finished, {} to do", finished, left);
  if (finished > 0 && left > 0)
    out += fmt::format(", about {} left",
                       duration_text(seconds / static_cast<double>(finished) *
                                     static_cast<double>(left) / static_cast<double>(o.jobs)));
  return out + "\n";
}

// What its runs say.
std::string paper_of(const SweepPlan& plan, const fs::path& folder) {
  for (const PlannedRun& run : plan.runs)
    if (const auto summary = RunFolder(run_path(folder, run)).summary())
      if (const Json paper = summary->value("paper", Json()); paper.is_string())
        return paper.get<std::string>();
  return about.paper;
}

// Whoever comes last has seen the most, so one at a time looks and writes.
std::string merge(const SweepPlan& plan, const Options& o, const fs::path& folder, double seconds) {
  const Claimed alone = Claimed::waited_for(folder / ".merge");
  const MergedRuns runs = merged_runs(plan, folder);
  Table table;
  const Results results = sweep_results(runs, o.ask, table);
  About shown = about;
  shown.paper = paper_of(plan, folder);
  shown.measures = plan.experiment + " at " + std::to_string(plan.runs.size()) + " settings.";
  RunFacts facts = facts_here(shown);
  facts.threads = static_cast<int>(o.threads);
  facts.wall_s = seconds;
  const Json settings{{"experiment", plan.experiment},
                      {"grid", o.grid},
                      {"where", o.ask.where},
                      {"by", o.ask.by},
                      {"metrics", o.ask.metrics},
                      {"slope", o.ask.slopes},
                      {"rank", o.ask.ranks}};
  const Json config{{"experiment", "sweep"}, {"version", version()}, {"settings", settings}};
  atomic_write((folder / "config.json").string(),
               config.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  atomic_write((folder / "aggregates.csv").string(), table.csv());
  write_findings(folder, shown, facts, settings, results);
  std::string out;
  for (const std::string& note : results.notes) out += note + "\n";
  return out + fmt::format("Merged: {}\nReport: {}\n", (folder / "results.csv").string(),
                           (folder / "report.html").string());
}

int work(const Options& o) {
  const auto start = std::chrono::steady_clock::now();
  const fs::path folder = o.out.empty() ? "out/sweep_" + o.experiment : o.out;
  const RunnerOptions runner{
      .program = (o.programs.empty() ? own_folder() : fs::path(o.programs)) / o.experiment,
      .folder = folder,
      .data_dir = o.data_dir,
      .jobs = o.jobs,
      .threads = o.threads,
      .shard = shard(o.shard),
      .retry_failed = o.retry_failed,
      .quiet = o.quiet};
  const InterruptGuard signals;
  const SweepPlan plan = frozen_plan({runner.program, o.grid, folder, o.quiet});
  if (!o.quiet || o.plan_only) print(plan_text(plan, runner));
  if (o.plan_only) return done;
  std::vector<FailedRun> failed;
  if (!o.merge_only) failed = run_all(plan, runner);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  print(merge(plan, o, folder, took.count()));
  for (const FailedRun& run : failed)
    fmt::print(stderr, "sweep: run {} failed {} times: {}\n", run.name, attempts, run.error);
  return failed.empty() ? done : bad_data;
}

int parsed(int argc, const char* const* argv) {
  CLI::App app{"Runs an experiment at many settings and merges the results.", about.name};
  Options o;
  declare(app, o);
  return run_tool(app, argc, argv, [&] {
    if (o.experiment.find('/') != std::string::npos)
      fail_hint(ErrorCode::usage, "--experiment", "give its folder as --programs",
                "'{}' is no name of a program", o.experiment);
    return work(o);
  });
}

}  // namespace

int sweep(int argc, const char* const* argv) {
  return run_guarded(about.name, [&] { return parsed(argc, argv); });
}

}  // namespace sonde::experiments
