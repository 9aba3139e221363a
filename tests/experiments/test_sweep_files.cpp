// The sweeps of the papers' size in experiments/sweeps: how many runs each has, and that the
// programs take them.
#include <gtest/gtest.h>

#include <algorithm>

#include "experiments/common/folder.hpp"
#include "experiments/sweep/grid.hpp"
#include "experiments/sweep/plan.hpp"
#include "experiments/sweep/process.hpp"
#include "paths.hpp"
#include "temp_folder.hpp"

namespace sonde::experiments {
namespace {

namespace fs = std::filesystem;

fs::path sweeps() {
  return fs::path(::sonde::testing::source_dir()) / "experiments/sweeps";
}

// Of a file, so many runs.
struct File {
  const char *name, *experiment;
  std::size_t runs;
};
constexpr File files[] = {
    {"e1_scaling", "boolean_scaling", 27 * 10 * 4},
    {"e1b_long", "boolean_scaling", 20 * 10 * 3},
    {"e2_tradeoff", "boolean_scaling", 1000 + 1000},
    {"e2b_tradeoff_lengths", "boolean_scaling", 500 + 500},
    {"e3_dynamics", "boolean_dynamics", 4 * 101},
    {"e3b_dynamics_long", "boolean_dynamics", 2 * 101},
    {"e4_scratchpad", "boolean_scratchpad", 10},
    {"e5_generalization", "boolean_generalization", 10},
};

Json contents(const File& file) {
  const fs::path path = sweeps() / (std::string(file.name) + ".json");
  return parse_json(read_text(path), path.string());
}

// What the program makes of a configuration; null if it is not built beside this test.
Json resolved(const File& file, const Configuration& c) {
  const fs::path program = own_folder() / file.experiment;
  if (!is_there(program)) return {};
  std::vector<std::string> words{program.string(), "--print-config"};
  for (std::string& w : option_words(c)) words.push_back(std::move(w));
  const Answer answer = ask(words);
  EXPECT_EQ(answer.status, 0) << file.name << ": " << c << ": " << answer.err;
  return answer.status == 0 ? parse_json(answer.out, file.name).at("settings") : Json();
}

TEST(SweepFiles, AllAreListedHere) {
  std::vector<std::string> found, listed;
  for (const std::string& name : names_in(sweeps())) found.push_back(name);
  for (const File& file : files) listed.push_back(std::string(file.name) + ".json");
  EXPECT_EQ(found, listed);
}

TEST(SweepFiles, HaveTheAuthorsNumberOfRunsAllDifferent) {
  for (const File& file : files) {
    const Json json = contents(file);
    EXPECT_EQ(json.at("experiment"), file.experiment) << file.name;
    std::vector<std::string> all;
    for (const Configuration& c : configurations(json, file.name)) all.push_back(c.dump());
    EXPECT_EQ(all.size(), file.runs) << file.name;
    std::ranges::sort(all);
    EXPECT_EQ(std::ranges::unique(all).begin(), all.end()) << file.name;
  }
}

// The ends and a few between them, since each asks the program.
TEST(SweepFiles, TheProgramsTakeThemAtFullSize) {
  int asked = 0;
  for (const File& file : files) {
    const std::vector<Configuration> all = configurations(contents(file), file.name);
    for (std::size_t i : {std::size_t{0}, all.size() / 3, all.size() / 2, all.size() - 1}) {
      const Json settings = resolved(file, all[i]);
      if (settings.is_null()) continue;
      ++asked;
      EXPECT_EQ(settings.at("full"), true) << file.name;
      for (const auto& [name, value] : all[i].items()) {
        const Json taken = settings.at(name);
        EXPECT_EQ(option_text(taken), option_text(value)) << file.name << ": " << name;
      }
    }
  }
  if (asked == 0) GTEST_SKIP() << "no program is built beside this test";
}

TEST(SweepFiles, OneIsPlannedWhole) {
  const File& file = files[6];
  const fs::path program = own_folder() / file.experiment;
  if (!is_there(program)) GTEST_SKIP() << file.experiment << " is not built beside this test";
  TempFolder folder;
  const SweepPlan plan = frozen_plan({.program = program,
                                      .grid_file = sweeps() / (std::string(file.name) + ".json"),
                                      .folder = folder.path() / "out",
                                      .quiet = true});
  EXPECT_EQ(plan.runs.size(), file.runs);
  EXPECT_EQ(plan.varied(), std::vector<std::string>{"seed"});
}

}  // namespace
}  // namespace sonde::experiments
