#include "finished_runs.hpp"

#include <array>
#include <cstdio>
#include <iostream>
#include <span>

#include "captured.hpp"
#include "experiments/common/findings_files.hpp"
#include "experiments/page/reproduction_page.hpp"
#include "experiments/sweep/run_folder.hpp"
#include "experiments/sweep/sweep.hpp"
#include "shim.hpp"
#include "temp_folder.hpp"

namespace sonde::faults {
namespace {

using namespace sonde::experiments;
namespace fs = std::filesystem;

using Main = int (*)(int, const char* const*);

// Asks for no memory before the program has its guards.
Outcome outcome_of(Main program, std::span<const char* const> words) {
  const Captured out(std::cout), err(std::cerr);
  const int code = program(static_cast<int>(words.size()), words.data());
  disarm();
  return {code, err.text(), ""};
}

// A run of `experiment` that found `loss`.
void write_run(const fs::path& folder, const std::string& experiment, const Json& settings,
               double loss) {
  const About about{experiment, "Nothing.", "Nobody, 2024", ""};
  Results r;
  r.metrics = {{"loss", "Loss", Estimate::exact(loss)}};
  r.claims = {check("small", "It is small", "below 1", Estimate::exact(loss), loss < 1)};
  Figure f("loss", "Loss", {.label = "x"}, {.label = "y"});
  f.level("loss", loss);
  r.figures = {{std::move(f), "The loss."}};
  RunFacts facts = facts_here(about);
  facts.threads = 1;
  facts.wall_s = 1;
  fs::create_directories(folder);
  write_findings(folder, about, facts, settings, r);
  write_bytes(folder / "config.json",
              Json{{"experiment", experiment}, {"settings", settings}}.dump());
}

}  // namespace

// The program is one that every system has: nothing is asked of it once there is a plan.
void finished_sweep(const fs::path& folder) {
  const Json file = parse_json(R"({"grid": {"width": [1, 2], "seed": [1, 2]}})", "file");
  write_bytes(folder / "grid.json", file.dump());
  Json plan{{"experiment", "sh"}, {"version", "0"}, {"file", file}, {"repeated", 0}};
  for (int i = 0; i < 4; ++i) {
    const std::string name = "0000" + std::to_string(i);
    const Json settings{{"seed", 1 + i % 2}, {"width", 1 + i / 2}};
    plan["runs"].push_back({{"name", name}, {"chosen", settings}, {"settings", settings}});
    if (i < 3)
      write_run(folder / "runs" / name, "sh", settings, 0.25 * i);
    else
      one_failure(folder / "runs" / name);
  }
  write_bytes(folder / "plan.json", plan.dump());
}

Outcome merge_sweep(const fs::path& folder) {
  std::array<char, 4096> grid{};
  std::snprintf(grid.data(), grid.size(), "%s/grid.json", folder.c_str());
  const std::array words{"sweep",
                         "--experiment",
                         "sh",
                         "--programs",
                         "/bin",
                         "--grid",
                         static_cast<const char*>(grid.data()),
                         "--out",
                         folder.c_str(),
                         "--jobs",
                         "1",
                         "--merge-only",
                         "--quiet",
                         "--slope",
                         "loss ~ width"};
  return outcome_of(sweep, words);
}

std::string outputs_of_merge(const fs::path& folder) {
  std::string out;
  for (const char* name : {"results.csv", "aggregates.csv", "figures/metric_01.svg"})
    out += read_bytes(folder / name);
  return out;
}

void one_failure(const fs::path& folder) {
  fs::create_directories(folder);
  RunFolder(folder).add_failure("it broke (status 4)");
}

std::string another_failure(const fs::path& folder) {
  const RunFolder run(folder);
  if (run.failures().size() < 2) run.add_failure("it broke again (status 4)");
  std::string out;
  for (const std::string& line : run.failures()) out += line + "\n";
  return out;
}

void finished_runs(const fs::path& folder) {
  write_run(folder / "boolean_scaling", "boolean_scaling", {{"seed", 1}, {"seeds", 1}}, 0.25);
  write_bytes(folder / "index.html", "<html>an old one</html>\n");
}

Outcome page_of_runs(const fs::path& folder) {
  const std::array words{"reproduction_page", "--programs", "/nowhere", "--runs", folder.c_str()};
  Outcome outcome = outcome_of(reproduction_page, words);
  if (outcome.code == 0) outcome.result = read_bytes(folder / "index.html");
  return outcome;
}

}  // namespace sonde::faults
