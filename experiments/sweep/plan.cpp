#include "experiments/sweep/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "experiments/common/csv.hpp"
#include "experiments/common/folder.hpp"
#include "experiments/common/interrupt.hpp"
#include "experiments/common/progress.hpp"
#include "experiments/sweep/claimed.hpp"
#include "experiments/sweep/grid.hpp"
#include "experiments/sweep/process.hpp"
#include "tensor/file.hpp"
#include "tensor/system.hpp"

namespace sonde::experiments {
namespace {

namespace fs = std::filesystem;

// These the sweep gives each run itself, or they stand in the place of a run.
constexpr const char* not_swept[] = {"out",    "data-dir", "threads",      "quiet", "profile",
                                     "resume", "config",   "print-config", "help",  "version"};

void check_swept(const Configuration& c) {
  for (const char* name : not_swept)
    if (c.contains(name))
      fail_hint(ErrorCode::usage, "sweep", "give --out, --threads and --data-dir to the sweep",
                "--{} cannot be swept", name);
}

Json resolved(const fs::path& program, const Configuration& c) {
  check_swept(c);
  std::vector<std::string> words{program.string(), "--print-config"};
  for (std::string& w : option_words(c)) words.push_back(std::move(w));
  const Answer answer = ask(words);
  if (answer.status != 0)
    fail(ErrorCode::usage, "sweep", "the configuration {} is refused (status {}): {}", c.dump(),
         answer.status, last_line(answer.err));
  const Json config = parse_json(answer.out, program.filename().string() + " --print-config");
  if (!config.is_object() || !config.contains("settings"))
    fail(ErrorCode::usage, "sweep", "{} --print-config prints no settings", program.string());
  return config.at("settings");
}

// Runs that differ in the seed alone are taken for independent, so their repetitions must be.
void check_seeds(const std::vector<PlannedRun>& runs) {
  std::map<std::string, std::vector<std::pair<std::uint64_t, std::uint64_t>>> by_rest;
  for (const PlannedRun& run : runs) {
    if (!run.settings.contains("seed") || !run.settings.contains("seeds")) continue;
    Json rest = run.settings;
    rest.erase("seed");
    by_rest[rest.dump()].emplace_back(integer_at<std::uint64_t>(run.settings, "seed"),
                                      integer_at<std::uint64_t>(run.settings, "seeds"));
  }
  for (auto& [rest, seeds] : by_rest) {
    std::ranges::sort(seeds);
    for (std::size_t i = 1; i < seeds.size(); ++i)
      if (seeds[i].first - seeds[i - 1].first < seeds[i - 1].second)
        fail_hint(ErrorCode::usage, "sweep", "fix --seeds at 1, or give seeds that far apart",
                  "runs with --seed {} and {} share repetitions: each has {}", seeds[i - 1].first,
                  seeds[i].first, seeds[i].second);
  }
}

SweepPlan made(const PlanRequest& request, const Json& file) {
  SweepPlan plan{.experiment = request.program.filename().string(), .runs = {}};
  std::set<std::string> known;
  const std::vector<Configuration> all = configurations(file, request.grid_file.string());
  Progress progress("plan", static_cast<std::int64_t>(all.size()), "configurations",
                    Progress::standard(request.quiet));
  for (const Configuration& c : all) {
    if (interrupted()) throw Interrupted{};
    Json settings = resolved(request.program, c);
    progress.advance();
    if (!known.insert(settings.dump()).second) {
      ++plan.repeated;
      continue;
    }
    plan.runs.push_back({fmt::format("{:05}", plan.runs.size()), c, std::move(settings)});
  }
  check_seeds(plan.runs);
  return plan;
}

void write(const fs::path& path, const SweepPlan& plan, const Json& file) {
  Json json{{"experiment", plan.experiment},
            {"version", version()},
            {"file", file},
            {"repeated", plan.repeated},
            {"runs", Json::array()}};
  for (const PlannedRun& run : plan.runs)
    json["runs"].push_back(
        {{"name", run.name}, {"chosen", run.chosen}, {"settings", run.settings}});
  atomic_write(path.string(), json.dump(1) + "\n");
}

SweepPlan read(const fs::path& path, const SweepPlan& asked, const Json& file) {
  const Json json = parse_json(read_text(path), path.string());
  try {
    if (json.at("experiment") != asked.experiment || json.at("file") != file)
      fail_hint(ErrorCode::usage, "--grid", "give the file as it was, or another --out",
                "the sweep in {} was begun with {}", path.parent_path().string(),
                json.at("experiment") != asked.experiment
                    ? "the experiment " + json.at("experiment").dump()
                    : "other contents of the file");
    SweepPlan plan{.experiment = asked.experiment,
                   .runs = {},
                   .repeated = integer_at<std::int64_t>(json, "repeated")};
    for (const Json& run : json.at("runs"))
      plan.runs.push_back(
          {run.at("name").get<std::string>(), run.at("chosen"), run.at("settings")});
    return plan;
  } catch (const Json::exception& e) {
    fail(ErrorCode::format, "plan", "{}: {}", path.string(), e.what());
  }
}

}  // namespace

std::vector<std::string> SweepPlan::varied() const {
  std::vector<std::string> names;
  if (runs.empty()) return names;
  for (const auto& [name, value] : runs[0].settings.items())
    if (std::ranges::any_of(runs, [&](const PlannedRun& run) {
          return run.settings.value(name, Json()) != runs[0].settings.at(name);
        }))
      names.push_back(name);
  return names;
}

SweepPlan frozen_plan(const PlanRequest& request) {
  const std::string program = request.program.string();
  if (!is_there(request.program) || is_folder(request.program))
    fail_hint(ErrorCode::usage, "--experiment", "name one of the programs of that folder",
              "there is no program {}", program);
  const Json file = parse_json(read_text(request.grid_file, 1 << 24), request.grid_file.string());
  const SweepPlan asked{.experiment = request.program.filename().string(), .runs = {}};
  if (file.is_object() && file.value("experiment", Json(asked.experiment)) != asked.experiment)
    fail(ErrorCode::usage, "--grid", "{} is for the experiment {}", request.grid_file.string(),
         file.at("experiment").dump());
  const fs::path path = request.folder / "plan.json";
  make_folder(request.folder);
  const Claimed alone = Claimed::waited_for(request.folder / ".plan");
  if (is_there(path)) return read(path, asked, file);
  if (!std::ranges::all_of(names_in(request.folder), [](const std::string& name) {
        return name.front() == '.' || is_aside(name);
      }))
    fail_hint(ErrorCode::usage, "--out", "give another folder",
              "{} is not empty and holds no sweep", request.folder.string());
  SweepPlan plan = made(request, file);
  write(path, plan, file);
  return plan;
}

std::string option_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_number_float()) return csv_number(value.get<double>());
  if (!value.is_array()) return value.dump();
  std::string out;
  for (const Json& v : value) out += (out.empty() ? "" : ",") + option_text(v);
  return out;
}

std::vector<std::string> option_words(const Json& settings) {
  std::vector<std::string> words;
  for (const auto& [name, value] : settings.items()) {
    if (value.is_null() || value.is_object())
      fail(ErrorCode::usage, "sweep", "--{} has the value {}, which no option can have", name,
           value.dump());
    if (value == true)
      words.push_back("--" + name);
    else if (const std::string text = option_text(value); value != false && !text.empty())
      words.push_back(fmt::format("--{}={}", name, text));
  }
  return words;
}

}  // namespace sonde::experiments
