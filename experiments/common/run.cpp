#include "experiments/common/run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iostream>

#include "experiments/common/findings_files.hpp"
#include "experiments/common/folder.hpp"
#include "tensor/backend.hpp"
#include "tensor/file.hpp"
#include "tensor/parallel.hpp"
#include "tensor/system.hpp"

namespace sonde::experiments {
namespace {

namespace fs = std::filesystem;

double save_pause = 10;

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

fs::path made(const fs::path& folder) {
  make_folder(folder);
  return folder;
}

// What a run has in its folder while it goes on, or leaves when it is killed, and nobody asked for.
bool is_passing(const std::string& name) {
  return name.front() == '.' || is_aside(name);
}

// The config.json of the run that lies in the folder; nothing if the folder is empty but for what
// is passing or hidden.
std::optional<Json> earlier_config(const fs::path& folder, const std::string& experiment) {
  const fs::path path = folder / "config.json";
  if (!is_there(path)) {
    if (!std::ranges::all_of(names_in(folder), is_passing))
      fail_hint(ErrorCode::usage, "--out", "give another folder",
                "{} is not empty and holds no run", folder.string());
    return {};
  }
  Json config = parse_json(read_text(path), path.string());
  if (!config.is_object() || config.value("experiment", Json()) != experiment)
    fail_hint(ErrorCode::usage, "--out", "give another folder", "{} holds another experiment",
              folder.string());
  return config;
}

void clear_asides(const fs::path& folder) {
  remove_files(folder, is_aside);
  for (const std::string& name : names_in(folder))
    if (is_folder(folder / name)) remove_files(folder / name, is_aside);
}

// Removes what an earlier run left: the files of the contract and no others. The checkpoints go
// first, so that nothing is resumed that has lost a part. The settings stay until new ones take
// their place, so that the folder remains that of a run.
void clear(const fs::path& folder) {
  CheckpointFiles(folder).remove();
  if (is_there(folder / "figures"))
    remove_files(folder / "figures", [](const std::string& name) {
      return name.ends_with(".svg") || name.ends_with(".csv");
    });
  for (const char* name :
       {"summary.json", "report.html", "results.csv", "log.jsonl", "profile.txt", "profile.json"})
    remove_file(folder / name);
}

void check_same_settings(const Json& before, const Json& now, const fs::path& folder) {
  for (const auto& [name, value] : now.items())
    if (const Json earlier = before.value(name, Json()); earlier != value)
      fail_hint(
          ErrorCode::usage, "--resume", "give the same settings, or no --resume to start over",
          "{} was begun with {} = {}, not {}", folder.string(), name, earlier.dump(), value.dump());
}

Json config_of(const Cli& cli) {
  return {{"experiment", cli.about().name},
          {"version", version()},
          {"command", cli.command()},
          {"device_name", device_name(cli.settings().device)},
          {"settings", cli.resolved()}};
}

// A path need not be UTF-8; JSON must be.
void write_config(const fs::path& folder, const Json& config) {
  atomic_write(folder / "config.json",
               config.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

// Decides whether there is a run to go on with, and clears the folder if not.
bool prepare(const fs::path& folder, const Cli& cli) {
  const auto earlier = earlier_config(folder, cli.about().name);
  clear_asides(folder);
  const bool resume =
      cli.settings().resume && earlier.has_value() && CheckpointFiles(folder).exist();
  if (resume) {
    Json settings = cli.decisive();
    settings.erase("device");  // a run may go on on another one
    check_same_settings(earlier->value("settings", Json::object()), settings, folder);
  }
  if (!resume) clear(folder);
  write_config(folder, config_of(cli));
  return resume;
}

}  // namespace

Run::Run(const Cli& cli)
    : cli_(cli),
      folder_(made(cli.settings().out)),
      lock_(folder_ / ".lock"),
      checkpoints_(folder_),
      resuming_(prepare(folder_, cli)),
      log_(folder_ / "log.jsonl"),
      started_(steady_seconds()),
      saved_(started_) {
  set_threads(settings().threads);
  if (settings().profile) profiling_.emplace(profile_);
  if (!resuming_) log_.truncate(0);
}

void Run::describe(const std::string& name, const Json& value) {
  described_[name] = value;
  Json config = config_of(cli_);
  config.update(described_);
  write_config(folder_, config);
}

std::optional<Checkpoint> Run::resumed() {
  if (!resuming_) return {};
  std::optional<CheckpointFiles::Found> found = checkpoints_.read();
  if (!found) return {};
  for (const std::string& damage : found->damaged)
    std::cerr << cli_.about().name << ": warning: passed over a damaged checkpoint: " << damage
              << std::endl;
  try {
    const Json run = found->checkpoint.state.at("run");
    log_.truncate(integer_at<std::int64_t>(run, "log_bytes"));
    earlier_seconds_ = run.at("wall_s").get<double>();
    earlier_peak_ = integer_at<std::int64_t>(run, "peak_bytes");
  } catch (const Json::exception& e) {
    fail(ErrorCode::format, "checkpoint", "{}", e.what());
  }
  return std::move(found->checkpoint);
}

void Run::save(Checkpoint checkpoint) {
  checkpoint.state["run"] = {
      {"log_bytes", log_.sync()}, {"wall_s", wall_seconds()}, {"peak_bytes", peak()}};
  checkpoints_.write(checkpoint);
  saved_ = steady_seconds();
}

void Run::save_if_due(const std::function<Checkpoint()>& state) {
  if (steady_seconds() - saved_ >= save_pause) save(state());
}

void Run::stop_if_interrupted(const std::function<Checkpoint()>& state) {
  if (!interrupted()) return;
  if (state) save(state());
  throw Interrupted{};
}

std::int64_t Run::peak() const {
  return std::max(earlier_peak_, memory_stats(settings().device).peak);
}

double Run::wall_seconds() const {
  return earlier_seconds_ + steady_seconds() - started_;
}

void Run::finish() {
  RunFacts facts = facts_here(cli_.about());
  facts.device = to_string(settings().device);
  facts.device_name = device_name(settings().device);
  facts.seed = settings().seed;
  facts.threads = settings().threads;
  facts.wall_s = wall_seconds();
  facts.peak_bytes = peak();
  if (profiling_) {
    profiling_.reset();
    atomic_write(file("profile.txt"), profile_.table());
    atomic_write(file("profile.json"), profile_.chrome_trace());
  }
  write_findings(folder_, cli_.about(), facts, cli_.resolved(), results);
}

std::string Run::closing_lines() const {
  std::string out;
  for (const Metric& m : results.metrics)
    if (!m.label.empty()) out += fmt::format("{}: {}\n", m.label, to_string(m.value));
  for (const Claim& c : results.claims)
    out += fmt::format("{}: {}{}\n", c.statement, to_string(c.verdict),
                       c.reason.empty() ? "" : " (" + c.reason + ")");
  return out +
         fmt::format("Report: {}\n", fs::absolute(file("report.html")).lexically_normal().string());
}

void set_save_pause(double seconds) {
  save_pause = seconds;
}

}  // namespace sonde::experiments
