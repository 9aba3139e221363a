// Sweeps of a toy: what is planned, that it is frozen, that runs are claimed, resumed and tried
// again, and what is merged, against numbers by hand.
#include <cmath>

#include "analysis/estimate.hpp"
#include "experiments/sweep/findings.hpp"
#include "experiments/sweep/grid.hpp"
#include "sweep_kills.hpp"

namespace sonde::experiments {
namespace {

std::vector<Configuration> read_grid(const std::string& text) {
  return configurations(parse_json(text, "grid"), "grid");
}

TEST(Grid, EveryCombinationTheLastOptionFastest) {
  const auto all = read_grid(R"({"fixed": {"quick": true},
                                 "grid": {"a": [1, 2], "b": ["x", "y"]}})");
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[1].dump(), R"({"quick":true,"a":1,"b":"y"})");
  EXPECT_EQ(all[2].dump(), R"({"quick":true,"a":2,"b":"x"})");
}

TEST(Grid, BlocksHaveTheirOwnOptions) {
  const auto all = read_grid(R"({"fixed": {"n": 1, "m": 2}, "blocks": [
      {"grid": {"a": [1, 2]}}, {"fixed": {"n": 5}, "grid": {"c": [3]}}]})");
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[2].dump(), R"({"n":5,"m":2,"c":3})");
}

TEST(Grid, DrawsAreFunctionsOfSeedOptionAndNumber) {
  const std::string random = R"("random": {"lr": {"log-uniform": [1e-4, 1e-1]},
      "width": {"integers": [3, 5]}, "x": {"uniform": [-1, 1]}, "k": {"choice": ["a", "b"]}})";
  const auto first = read_grid("{" + random + R"(, "draws": 300, "seed": 7})");
  EXPECT_EQ(first, read_grid("{" + random + R"(, "draws": 300, "seed": 7})"));
  const auto other = read_grid("{" + random + R"(, "draws": 300, "seed": 8})");
  const auto more = read_grid(R"({"random": {"lr": {"log-uniform": [1e-4, 1e-1]}},
                                  "draws": 400, "seed": 7})");
  int below = 0, equal = 0, ends = 0;
  for (std::size_t i = 0; i < 300; ++i) {
    const double lr = first[i]["lr"].get<double>(), x = first[i]["x"].get<double>();
    EXPECT_TRUE(lr >= 1e-4 && lr <= 1e-1 && x >= -1 && x < 1);
    below += lr < std::sqrt(1e-5);  // the middle of the logarithms
    equal += first[i] == other[i];
    const auto width = first[i]["width"].get<int>();
    EXPECT_TRUE(width >= 3 && width <= 5);
    ends += width != 4;
    EXPECT_EQ(more[i]["lr"], first[i]["lr"]);
  }
  EXPECT_EQ(equal, 0);
  EXPECT_NEAR(below, 150, 45);  // five standard deviations of a coin
  EXPECT_NEAR(ends, 200, 42);
}

TEST(Grid, BadFilesAreBadUsage) {
  for (const char* text :
       {"[]", R"({"gird": {}})", R"({"grid": {"a": []}})", R"({"grid": {"a": 1}})",
        R"({"draws": 3})", R"({"random": {"a": {"uniform": [0, 1]}}})",
        R"({"random": {"a": {"uniform": [1, 0]}}, "draws": 2})",
        R"({"random": {"a": {"log-uniform": [0, 1]}}, "draws": 2})",
        R"({"random": {"a": {"integers": [0.5, 1]}}, "draws": 2})",
        R"({"random": {"a": {"normal": [0, 1]}}, "draws": 2})",
        R"({"random": {"a": {"choice": []}}, "draws": 2})",
        R"({"grid": {"a": [1]}, "random": {"a": {"choice": [1]}}, "draws": 2})",
        R"({"blocks": []})", R"({"blocks": [{}], "grid": {}})", R"({"blocks": [{"blocks": []}]})",
        R"({"random": {"a": {"choice": [1]}}, "draws": 20000})"}) {
    try {
      read_grid(text);
      ADD_FAILURE() << text << " was accepted";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::usage) << text;
    }
  }
}

constexpr const char* small_grid = R"({"grid": {"width": [1, 2], "lr": [0.1, 1], "seed": [1, 2, 3]},
                                       "fixed": {"kind": "whole"}})";

TEST(Sweep, MergesWhatItsRunsFound) {
  const ToySweep toys(small_grid);
  ASSERT_EQ(toys.run(), 0) << toys.said();
  expect_each_once(toys.told(), 12);
  const std::string said = toys.said();
  for (const char* part : {"toy: 12 runs in", "2 at a time", "width            1  2",
                           "lr               0.1  1", "0 finished, 12 to do"})
    EXPECT_NE(said.find(part), std::string::npos) << part << "\n" << said;
  const std::string csv = toys.file("results.csv");
  EXPECT_TRUE(csv.starts_with(
      "run,state,seed,width,lr,metrics.loss,metrics.loss.low,metrics.loss.high,claims.small.value,"
      "claims.small.value.low,claims.small.value.high,claims.small,wall_s,path\n00000,finished,1,1,"
      "0.1,0.11,0.11,0.11,0.11,0.11,0.11,pass,"))
      << csv;
  EXPECT_NE(csv.find("00011,finished,3,2,1"), std::string::npos) << csv;
  EXPECT_NE(csv.find(",fail,"), std::string::npos) << csv;
  // Losses of width 2 and lr 1: 2.01, 2.02, 2.03; t of 2 degrees is 4.3027, over sqrt(3) 2.4841.
  const std::string table = toys.file("aggregates.csv");
  EXPECT_TRUE(table.starts_with("width,lr,metric,mean,low,high,n\n1,0.1,metrics.loss,0.12"))
      << table;
  const std::size_t row = table.find("2,1,metrics.loss,");
  ASSERT_NE(row, std::string::npos) << table;
  double mean = 0, low = 0, high = 0;
  ASSERT_EQ(std::sscanf(table.c_str() + row, "2,1,metrics.loss,%lf,%lf,%lf", &mean, &low, &high),
            3);
  EXPECT_NEAR(mean, 2.02, 1e-12);
  EXPECT_NEAR(low, 2.02 - 0.024841, 1e-6);
  EXPECT_NEAR(high, 2.02 + 0.024841, 1e-6);
  for (const char* name : {"summary.json", "report.html", "config.json", "figures/metric_01.svg"})
    EXPECT_FALSE(toys.file(name).empty()) << name;
}

TEST(Sweep, DrawsNoMoreSeriesThanCanBeToldApart) {
  const ToySweep toys(R"({"random": {"lr": {"uniform": [0.1, 1]}, "width": {"integers": [1, 9]}},
                          "draws": 14, "seed": 3})");
  ASSERT_EQ(toys.run(), 0) << toys.said();
  EXPECT_NE(toys.said().find("No figures: they would have 1"), std::string::npos) << toys.said();
  EXPECT_FALSE(is_there(toys.out() + "/figures/metric_01.svg"));
  ASSERT_EQ(toys.run({"--by", "width"}), 0) << toys.said();
  EXPECT_TRUE(is_there(toys.out() + "/figures/metric_01.svg"));
  const std::string report = toys.file("report.html");
  EXPECT_NE(report.find("<title>loss</title>"), std::string::npos);
}

TEST(Sweep, AsksAgainWithoutRunning) {
  const ToySweep toys(small_grid);
  ASSERT_EQ(toys.run(), 0) << toys.said();
  const auto told = toys.told();
  ASSERT_EQ(toys.run({"--merge-only", "--where", "metrics.loss<1", "--where", "lr = 0.1", "--slope",
                      "loss ~ seed", "--rank", "loss ~ width"}),
            0)
      << toys.said();
  EXPECT_EQ(toys.told(), told);
  const std::string said = toys.said();
  // Of the losses 0.11 0.12 0.13 at width 1 and 0.21 0.22 0.23 at width 2 the line along the seed
  // rises by 0.01; all of the first lie below all of the second: 2 of 20 arrangements.
  for (const char* part :
       {"6 of 12 runs are taken: where metrics.loss<1 and lr = 0.1", "loss along seed: 0.01 [",
        "U = 0, p = 0.1 (two-sided)", "2 tests were made"})
    EXPECT_NE(said.find(part), std::string::npos) << part << "\n" << said;
  EXPECT_EQ(toys.run({"--merge-only", "--where", "los<1"}), 2);
  EXPECT_NE(toys.said().find("no column 'los'; hint: there are run, state"), std::string::npos);
  EXPECT_EQ(toys.run({"--merge-only", "--where", "loss"}), 2);
  ASSERT_EQ(toys.run(), 0);
  EXPECT_EQ(toys.told(), told);  // what is finished is skipped
  EXPECT_NE(toys.said().find("12 finished, 0 to do"), std::string::npos) << toys.said();
}

TEST(Sweep, IsFrozen) {
  const ToySweep toys(small_grid);
  ASSERT_EQ(toys.run({"--plan-only"}), 0) << toys.said();
  EXPECT_TRUE(toys.told().empty());
  const std::string plan = toys.file("plan.json");
  toys.write_grid(R"({"grid": {"width": [1, 2, 3]}})");
  EXPECT_EQ(toys.run(), 2);
  EXPECT_NE(toys.said().find("was begun with other contents of the file; hint: give the file as"),
            std::string::npos)
      << toys.said();
  EXPECT_EQ(toys.file("plan.json"), plan);
  EXPECT_TRUE(toys.told().empty());
}

TEST(Sweep, RefusesWhatTheProgramDoesNotTakeBeforeAnythingRuns) {
  for (const auto& [grid, reason] : std::vector<std::pair<std::string, std::string>>{
           {R"({"grid": {"width": [1, 2], "depth": [1]}})", "depth"},
           {R"({"grid": {"width": [1, 2000]}})", "width"},
           {R"({"fixed": {"experiment": 1}, "experiment": "other"})", "is for the experiment"},
           {R"({"fixed": {"threads": 2}})", "--threads cannot be swept"},
           {R"({"fixed": {"seeds": 3}, "grid": {"seed": [1, 3]}})", "share repetitions"}}) {
    const ToySweep toys(grid);
    EXPECT_EQ(toys.run(), 2) << grid;
    EXPECT_NE(toys.said().find(reason), std::string::npos) << toys.said();
    EXPECT_TRUE(toys.told().empty());
    EXPECT_FALSE(is_there(toys.out() + "/plan.json"));
  }
  const ToySweep toys(small_grid);
  EXPECT_EQ(toys.run({"--shard", "3/2"}), 2);
  EXPECT_EQ(toys.run({"--programs", "/absent"}), 2);
  std::filesystem::create_directories(toys.out());
  write_bytes(toys.out() + "/letter", "of mine");
  EXPECT_EQ(toys.run(), 2);
  EXPECT_NE(toys.said().find("holds no sweep"), std::string::npos) << toys.said();
}

TEST(Sweep, TriesAgainOnceWhatFails) {
  const ToySweep toys(R"({"grid": {"kind": ["whole", "shy", "broken"]}, "fixed": {"width": 4}})");
  EXPECT_EQ(toys.run(), 3);
  EXPECT_NE(toys.said().find("run 00002 failed 2 times: toy: [S1080] toy: it broke at width 4"),
            std::string::npos)
      << toys.said();
  std::map<std::string, int> starts;
  for (const std::string& line : toys.told())
    if (line.ends_with(" start")) ++starts[line.substr(0, 5)];
  EXPECT_EQ(starts, (std::map<std::string, int>{{"00000", 1}, {"00001", 2}, {"00002", 2}}));
  EXPECT_NE(toys.file("results.csv").find("00002,failed,broken"), std::string::npos);
  EXPECT_EQ(toys.run(), 3);  // shown again, not run again
  EXPECT_EQ(toys.told().size(), 9u);
  EXPECT_EQ(toys.run({"--retry-failed"}), 3);
  EXPECT_EQ(toys.told().size(), 11u);
}

TEST(Sweep, ShardsShareTheRuns) {
  const ToySweep toys(small_grid);
  ASSERT_EQ(toys.run({"--shard", "1/3"}), 0) << toys.said();
  std::map<std::string, int> seen;
  for (const std::string& line : toys.told()) ++seen[line.substr(0, 5)];
  EXPECT_EQ(seen.size(), 4u);
  EXPECT_TRUE(seen.contains("00000") && seen.contains("00003"));
  ASSERT_EQ(toys.run({"--shard", "2/3"}), 0);
  ASSERT_EQ(toys.run({"--shard", "3/3"}), 0);
  expect_each_once(toys.told(), 12);
  EXPECT_NE(toys.said().find("12 of 12 runs are taken"), std::string::npos) << toys.said();
}

TEST(Sweep, TwoProcessesShareAFolderWithoutADoubleRun) {
  const ToySweep toys(R"({"grid": {"width": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]},
                          "fixed": {"pause": 20, "steps": 2}})");
  Process first(toys.words({}), toys.path("first")), second(toys.words({}), toys.path("second"));
  EXPECT_EQ(first.wait(), 0) << read_bytes(toys.path("first"));
  EXPECT_EQ(second.wait(), 0) << read_bytes(toys.path("second"));
  expect_each_once(toys.told(), 14);
  EXPECT_EQ(toys.told().size(), 14u * 4);  // start, two steps, end
}

TEST(Sweep, ASignalIsACheckpointOfEachRun) {
  const ToySweep toys(R"({"grid": {"width": [1, 2, 3]}, "fixed": {"pause": 20, "steps": 20}})");
  Process sweep(toys.words({}), toys.path("said"));
  while (toys.told().size() < 8) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  sweep.signal(SIGTERM);
  EXPECT_EQ(sweep.wait(), 130);
  EXPECT_NE(toys.said().find("interrupted"), std::string::npos);
  EXPECT_FALSE(is_there(toys.out() + "/results.csv"));
  const std::size_t before = toys.told().size();
  ASSERT_LT(before, 60u);
  ASSERT_EQ(toys.run(), 0) << toys.said();
  expect_each_once(toys.told(), 3);
  std::map<std::string, int> lines;
  for (const std::string& line : toys.told()) ++lines[line];
  for (const auto& [line, count] : lines)  // no step was done twice
    if (line.find("step") != std::string::npos) EXPECT_EQ(count, 1) << line;
}

// A run whose sweep was killed saves its state before it ends, here after half a second; until then
// the next sweep must not have it.
TEST(Sweep, ARunOutlivesItsSweepAndIsNotStartedTwice) {
  const ToySweep toys(R"({"fixed": {"pause": 500, "steps": 3}})");
  {
    const Process sweep(toys.words({}), toys.path("said"));
    while (toys.told().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  ASSERT_EQ(toys.run(), 0) << toys.said();
  EXPECT_FALSE(is_there(toys.out() + "/runs/00000/.failures"));
  const std::vector<std::string> steps{"00000 start",  "00000 step 1", "00000 start",
                                       "00000 step 2", "00000 step 3", "00000 end"};
  EXPECT_EQ(toys.told(), steps);
}

TEST(Sweep, ARunThatIsKilledIsTriedAgain) {
  const ToySweep toys(R"({"fixed": {"pause": 200, "steps": 2}})");
  Process sweep(toys.words({}), toys.path("said"));
  while (toys.told().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  ::kill(std::stoi(toys.file("runs/00000/.lock")), SIGKILL);
  EXPECT_EQ(sweep.wait(), 0) << toys.said();
  EXPECT_NE(toys.file("runs/00000/.failures").find("it said nothing (status 137)"),
            std::string::npos);
  expect_each_once(toys.told(), 1);
}

TEST(Sweep, ThePlanHoldsThoughTheProgramHasOtherDefaultsByNow) {
  const ToySweep toys(R"({"grid": {"width": [3]}})");
  ASSERT_EQ(toys.run({"--plan-only"}), 0) << toys.said();
  std::string plan = toys.file("plan.json");
  const std::string lr = "\"lr\": 0.5";
  ASSERT_NE(plan.find(lr), std::string::npos) << plan;
  plan.replace(plan.find(lr), lr.size(), "\"lr\": 0.25");  // as if that had been the default
  write_bytes(toys.out() + "/plan.json", plan);
  ASSERT_EQ(toys.run(), 0) << toys.said();
  EXPECT_NE(toys.file("results.csv").find("00000,finished,0.76,"), std::string::npos)
      << toys.file("results.csv");
}

TEST(Sweep, KilledAtRandomItLosesNothing) {
  kill_at_random(3);
}

}  // namespace
}  // namespace sonde::experiments

int main(int argc, char** argv) {
  return sonde::experiments::main_with_toys(argc, argv);
}
