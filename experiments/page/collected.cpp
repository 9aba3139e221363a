#include "experiments/page/collected.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "experiments/common/folder.hpp"
#include "experiments/common/shell_word.hpp"
#include "experiments/data/images.hpp"

namespace sonde::experiments {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t most_json = 16 << 20, most_svg = 4 << 20;  // bytes

// The object in a file of a run; Error(format) naming the file.
Json object_in(const fs::path& file) {
  Json json = parse_json(read_text(file, most_json), file.string());
  if (!json.is_object()) fail(ErrorCode::format, "json", "{} holds no object", file.string());
  return json;
}

bool is_of_size(const Json& settings, SizeClass size) {
  return settings.value("quick", false) == (size == SizeClass::quick) &&
         settings.value("full", false) == (size == SizeClass::full);
}

std::string size_words(const Json& settings) {
  return settings.value("quick", false)  ? "a quick run"
         : settings.value("full", false) ? "a run of full size"
                                         : "a run of standard size";
}

RunFacts facts_from(const Json& summary) {
  RunFacts facts{.experiment = summary.at("experiment").get<std::string>(),
                 .paper = summary.at("paper").get<std::string>(),
                 .version = summary.at("version").get<std::string>(),
                 .device = summary.at("device").get<std::string>(),
                 .blas_core = summary.at("blas_core").get<std::string>(),
                 .seed = integer_at<std::uint64_t>(summary, "seed"),
                 .threads = integer_at<int>(summary, "threads"),
                 .wall_s = summary.at("wall_s").get<double>(),
                 .peak_bytes = integer_at<std::int64_t>(summary, "peak_bytes"),
                 .simd = summary.value("simd", ""),
                 .cpu = summary.value("cpu", ""),
                 .measures = summary.value("measures", "")};
  const Json versions = summary.value("versions", Json::object());
  for (const auto& [name, version] : versions.items())
    facts.versions.emplace_back(name, version.get<std::string>());
  return facts;
}

// A name becomes part of a path, so it may not lead elsewhere.
bool is_file_name(const std::string& name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

DrawnFigure drawn(const fs::path& folder, const std::string& name, std::string caption) {
  DrawnFigure figure{name, std::move(caption), {}};
  if (!is_file_name(name)) fail(ErrorCode::format, "json", "'{}' is no name of a figure", name);
  try {
    figure.svg = read_text(folder / "figures" / (name + ".svg"), most_svg);
  } catch (const Error& e) {
    figure.reason = e.message();
  }
  if (figure.reason.empty() && !is_plain_svg(figure.svg)) {
    figure.svg.clear();
    figure.reason = fmt::format("{} is no picture as figures write them",
                                (folder / "figures" / (name + ".svg")).string());
  }
  return figure;
}

// Runs of earlier versions do not list their figures.
std::vector<std::string> pictures_in(const fs::path& folder) {
  std::vector<std::string> names;
  if (is_there(folder / "figures"))
    for (const std::string& name : names_in(folder / "figures"))
      if (name.ends_with(".svg") && is_file_name(name.substr(0, name.size() - 4)))
        names.push_back(name.substr(0, name.size() - 4));
  return names;
}

std::vector<DrawnFigure> figures_of(const fs::path& folder, const Json& summary) {
  std::vector<DrawnFigure> all;
  if (summary.contains("figures"))
    for (const Json& f : summary.at("figures"))
      all.push_back(drawn(folder, f.at("name").get<std::string>(), f.value("caption", "")));
  else
    for (const std::string& name : pictures_in(folder)) all.push_back(drawn(folder, name, ""));
  return all;
}

void read_findings(CollectedRun& run, const fs::path& folder) {
  const fs::path file = folder / "summary.json";
  const Json summary = object_in(file);
  try {
    run.facts = facts_from(summary);
    for (const Json& claim : summary.at("claims")) run.claims.push_back(claim_from_json(claim));
    run.figures = figures_of(folder, summary);
  } catch (const Json::exception& e) {
    fail(ErrorCode::format, "summary", "{}: {}", file.string(), e.what());
  } catch (const Error& e) {
    if (e.code() != ErrorCode::format) throw;
    fail(ErrorCode::format, "summary", "{}: {}", file.string(), e.message());
  }
  if (run.facts.experiment != run.experiment.program)
    fail(ErrorCode::format, "summary", "{} belongs to the experiment {}", file.string(),
         run.facts.experiment);
}

// What lies in the folder of a run, which is there.
void read_run(CollectedRun& run, const fs::path& folder, SizeClass size) {
  const Json config = object_in(folder / "config.json");
  const auto settings = config.find("settings");
  if (settings == config.end() || !settings->is_object())
    fail(ErrorCode::format, "config", "{} holds no settings", (folder / "config.json").string());
  const bool over = is_there(folder / "summary.json");
  if (!is_of_size(*settings, size)) {
    run.state = RunState::other_size;
    run.reason = size_words(*settings);
    return;
  }
  run.state = RunState::begun;
  if (!over) return;
  run.settings = *settings;
  read_findings(run, folder);
  run.state = RunState::finished;
  run.command = config.value("command", "");
  if (!run.command.empty()) return;
  // A run of an earlier version, which did not keep its line.
  run.listed.clear();
  run.command = fmt::format("{} --config {} --out again", shell_word(run.experiment.program),
                            shell_word((folder / "config.json").string()));
}

// What stands in the way of a run that is not begun; nothing if nothing does.
std::optional<std::pair<RunState, std::string>> obstacle(const Collection& from,
                                                         const Experiment& experiment) {
  if (!is_there(from.programs / experiment.program))
    return std::pair(RunState::no_program, experiment.program + " is not built");
  if (experiment.data.empty()) return {};
  try {
    image_format({.data = experiment.data, .data_dir = {}});
  } catch (const Error& e) {
    return std::pair(RunState::no_data, e.message() + "; " + e.hint());
  }
  return {};
}

// The last line of the file, at most.
std::string failure_in(const fs::path& file) {
  std::string text = read_text(file, most_json);
  while (text.ends_with('\n')) text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

void look(CollectedRun& run, const fs::path& folder, const Collection& from) {
  if (is_there(folder / "config.json")) read_run(run, folder, from.size);
  if (run.finished() || run.state == RunState::other_size) return;
  if (const auto found = obstacle(from, run.experiment)) {
    std::tie(run.state, run.reason) = *found;
  } else if (is_there(folder / failure_file)) {
    run.state = RunState::failed;
    run.reason = failure_in(folder / failure_file);
  }
}

// What cannot be read is told in the run itself.
template <class Work>
void damaged_unless(CollectedRun& run, const fs::path& folder, const Work& work) {
  try {
    work();
    return;
  } catch (const Error& e) {
    run.reason = e.message();
  } catch (const Json::exception& e) {
    run.reason = fmt::format("{}: {}", (folder / "config.json").string(), e.what());
  }
  run.state = RunState::damaged;
  run.claims.clear();  // of half a file
  run.figures.clear();
}

CollectedRun collected(const Experiment& experiment, const Collection& from) {
  CollectedRun run{.experiment = experiment,
                   .command = command_line(experiment, from.size, from.runs)};
  run.listed = run.command;
  const fs::path folder = from.runs / experiment.name;
  damaged_unless(run, folder, [&] { look(run, folder, from); });
  return run;
}

// Finished runs of other programs.
std::vector<CollectedRun> others(const Collection& from) {
  std::vector<CollectedRun> all;
  for (const std::string& name : names_in(from.runs)) {
    const fs::path folder = from.runs / name;
    if (std::ranges::find(from.list, name, &Experiment::name) != from.list.end() ||
        name.starts_with('.') || !is_there(folder / "summary.json"))
      continue;
    CollectedRun run{.experiment = {name, "", ""}};
    damaged_unless(run, folder, [&] {
      run.experiment.program = object_in(folder / "summary.json").value("experiment", "");
      read_run(run, folder, from.size);
    });
    all.push_back(std::move(run));
  }
  return all;
}

}  // namespace

std::string_view to_string(RunState state) {
  constexpr std::string_view names[] = {"finished",      "begun",   "failed",  "missing",
                                        "of other size", "damaged", "no data", "no program"};
  return names[static_cast<int>(state)];
}

std::vector<CollectedRun> collect(const Collection& from) {
  std::vector<CollectedRun> all;
  for (const Experiment& experiment : from.list) all.push_back(collected(experiment, from));
  if (is_there(from.runs))
    for (CollectedRun& run : others(from)) all.push_back(std::move(run));
  return all;
}

}  // namespace sonde::experiments
