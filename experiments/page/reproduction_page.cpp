#include "experiments/page/reproduction_page.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>

#include "experiments/common/folder.hpp"
#include "experiments/common/program.hpp"
#include "experiments/common/tool.hpp"
#include "experiments/page/markdown.hpp"
#include "experiments/page/page.hpp"
#include "experiments/sweep/process.hpp"
#include "tensor/file.hpp"
#include "tensor/system.hpp"

namespace sonde::experiments {
namespace {

namespace fs = std::filesystem;

const std::string name = "reproduction_page";  // made before memory can be missed

constexpr const char* footer =
    "Runs lie in folders below --runs that have the names of --list; scripts/reproduce.sh makes "
    "those that are missing.\nA run that is not finished, of another size, or damaged is listed "
    "with the line that makes it.\n--list prints, separated by tabs, name, state and the words of "
    "that line.\nExit codes: 0 done, 2 bad usage, 3 a run's files are damaged (the page is written "
    "without it), or a file could not\nbe read or written.";

struct Options {
  std::string runs, programs, markdown;
  bool list = false, quick = false, full = false;
};

void declare(CLI::App& app, Options& o) {
  app.set_version_flag("--version", "reproduction_page of Sonde " + std::string(version()));
  app.add_option("--runs", o.runs,
                 "folder of the runs, in which index.html is written; out/report if not given, and "
                 "quick or full in it");
  app.add_flag("--full", o.full, "runs at full size")
      ->excludes(app.add_flag("--quick", o.quick, "quick runs"));
  app.add_flag("--list", o.list, "print all experiments, their states and their lines instead");
  app.add_option("--markdown", o.markdown,
                 "bring the table of claims in this page up to date instead, between its lines "
                 "'<!-- claims -->' and '<!-- end -->'");
  app.add_option("--programs", o.programs, "folder of the programs; that of this one if not given");
  app.footer(footer);
}

std::string listed(const Collection& from, const std::vector<CollectedRun>& runs) {
  std::string out;
  for (const CollectedRun& run : runs)
    if (!run.experiment.paper.empty())
      out += fmt::format("{}\t{}\t{}\n", run.experiment.name, to_string(run.state),
                         fmt::join(command_of(run.experiment, from.size, from.runs), "\t"));
  return out;
}

// The cure for a damaged run is to make it again.
void tell(const CollectedRun& run, const std::string& reason) {
  std::cerr << fmt::format("{}: {}: {}; hint: remove its folder and make it again{}{}", name,
                           run.experiment.name, reason, run.listed.empty() ? "" : ": ", run.listed)
            << std::endl;
}

int told_of_damage(const std::vector<CollectedRun>& runs) {
  int code = done;
  for (const CollectedRun& run : runs) {
    if (run.state == RunState::damaged) {
      tell(run, run.reason);
      code = bad_data;
    }
    for (const DrawnFigure& f : run.figures)
      if (!f.reason.empty()) {
        tell(run, f.reason);
        code = bad_data;
      }
  }
  return code;
}

int work(const Options& o) {
  const SizeClass size = o.quick  ? SizeClass::quick
                         : o.full ? SizeClass::full
                                  : SizeClass::standard;
  const Collection from{.list = experiments(),
                        .runs = o.runs.empty() ? runs_folder(size) : fs::path(o.runs),
                        .size = size,
                        .programs = o.programs.empty() ? own_folder() : fs::path(o.programs)};
  const std::vector<CollectedRun> runs = collect(from);
  if (o.list) {
    print(listed(from, runs));
    return done;
  }
  if (!o.markdown.empty()) {
    atomic_write(o.markdown,
                 with_claims(read_text(o.markdown, 1 << 24), claims_markdown(runs), o.markdown));
  } else {
    make_folder(from.runs);
    const fs::path page = from.runs / "index.html";
    atomic_write(page, page_html(runs, size));
    print(fmt::format("Page: {}\n", fs::absolute(page).lexically_normal().string()));
  }
  return told_of_damage(runs);
}

int parsed(int argc, const char* const* argv) {
  CLI::App app{"Collects the runs that reproduce the papers into one page, index.html.", name};
  Options o;
  declare(app, o);
  return run_tool(app, argc, argv, [&] { return work(o); });
}

}  // namespace

int reproduction_page(int argc, const char* const* argv) {
  return run_guarded(name, [&] { return parsed(argc, argv); });
}

}  // namespace sonde::experiments
