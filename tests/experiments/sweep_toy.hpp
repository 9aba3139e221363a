/// @file
/// A toy experiment for sweeps, which tells in a file what it does, and sweeps of it. The test
/// program is both itself: as `toy` by a link of that name, as sweep by its first argument.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "experiments/common/folder.hpp"
#include "experiments/common/program.hpp"
#include "experiments/sweep/sweep.hpp"
#include "temp_folder.hpp"

namespace sonde::experiments {

struct ToyOptions {
  std::int64_t width = 0, steps = 0, pause = 0;
  double lr = 0;
  std::string kind = "whole";
};

inline void declare_toy(Cli& cli, ToyOptions& o) {
  cli.default_seeds({1, 1, 1});
  cli.integer("width", o.width, {1, 1, 1}, {1, 1000}, "a factor of its loss");
  cli.real("lr", o.lr, {0.5, 0.5, 0.5}, {0, 10}, "another one");
  cli.integer("steps", o.steps, {1, 1, 1}, {1, 1000}, "of its work");
  cli.integer("pause", o.pause, {0, 0, 0}, {0, 100000}, "milliseconds of each step");
  cli.choice("kind", o.kind, {"whole", "shy", "broken"},
             "whether it ends, at the second attempt, or never");
}

// Appended in one call, so that the lines of all runs are in the order of what happened.
inline void tell(const Run& run, const std::string& what) {
  const std::filesystem::path out = run.settings().out;
  std::ofstream log(out.parent_path().parent_path() / ".toys", std::ios::app);
  log << out.filename().string() + " " + what + "\n" << std::flush;
}

inline void toy(Run& run, ToyOptions& o) {
  const bool first = !std::filesystem::exists(run.settings().out / ".seen");
  std::ofstream(run.settings().out / ".seen") << "x";
  const auto earlier = run.resumed();
  tell(run, "start");
  if (o.kind == "broken" || (o.kind == "shy" && first))
    fail(ErrorCode::numeric, "toy", "it broke at width {}", o.width);
  std::int64_t step = earlier ? integer_at<std::int64_t>(earlier->state, "step") : 0;
  const auto state = [&] {
    Checkpoint c;
    c.state["step"] = step;
    return c;
  };
  for (; step < o.steps;) {
    run.stop_if_interrupted(state);
    std::this_thread::sleep_for(std::chrono::milliseconds(o.pause));
    tell(run, "step " + std::to_string(++step));
  }
  const double loss =
      o.lr * static_cast<double>(o.width) + 0.01 * static_cast<double>(run.settings().seed);
  run.results.metrics = {{"loss", "loss", Estimate::exact(loss)}};
  run.results.claims = {check("small", "It is small", "below 1", Estimate::exact(loss), loss < 1)};
  run.results.table = {{"loss"}, {{csv_number(loss)}}};
  tell(run, "end");
}

/// What a test program with toys does before its tests; the exit code if that was all.
inline int main_with_toys(int argc, char** argv) {
  if (std::filesystem::path(argv[0]).filename() == "toy")
    return run_program<ToyOptions>({"toy", "Nothing.", "none", "nothing"}, declare_toy, toy, argc,
                                   argv);
  if (argc > 1 && std::string_view(argv[1]) == "sweep") return sweep(argc - 1, argv + 1);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}

/// A process; killed and reaped at the latest when this goes.
class Process {
 public:
  Process(const std::vector<std::string>& words, const std::string& output) {
    std::vector<char*> argv;
    for (const std::string& w : words) argv.push_back(const_cast<char*>(w.c_str()));
    argv.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ != 0) return;
    if (!std::freopen(output.c_str(), "w", stdout) || ::dup2(1, 2) < 0) ::_exit(127);
    ::execv("/proc/self/exe", argv.data());
    ::_exit(127);
  }
  ~Process() {
    if (pid_ > 0) signal(SIGKILL), wait();
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  void signal(int number) const { ::kill(pid_, number); }
  /// The exit code, or 128 + the signal.
  int wait() {
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_;
};

/// Sweeps of the toy in a folder of their own.
class ToySweep {
 public:
  explicit ToySweep(const std::string& grid) {
    std::filesystem::create_directory(folder_ / "bin");
    std::filesystem::create_symlink(std::filesystem::read_symlink("/proc/self/exe"),
                                    folder_ / "bin/toy");
    write_grid(grid);
  }
  void write_grid(const std::string& text) const { write_bytes(folder_ / "grid.json", text); }
  std::vector<std::string> words(const std::vector<std::string>& more) const {
    std::vector<std::string> all{"test",   "sweep", "--experiment", "toy",
                                 "--grid", grid(),  "--programs",   folder_ / "bin",
                                 "--out",  out(),   "--jobs",       "2"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  std::string grid() const { return folder_ / "grid.json"; }
  std::string out() const { return folder_ / "out"; }
  std::string said() const { return read_bytes(folder_ / "said"); }
  /// Runs it to its end.
  int run(const std::vector<std::string>& more = {}) const {
    return Process(words(more), folder_ / "said").wait();
  }
  /// What the runs told, in order.
  std::vector<std::string> told() const {
    std::ifstream in(out() + "/.toys");
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }
  std::string file(const std::string& name) const { return read_bytes(out() + "/" + name); }
  std::string path(const std::string& name) const { return folder_ / name; }

 private:
  TempFolder folder_;
};

/// That each of `runs` ended once, and none was started after its end.
inline void expect_each_once(const std::vector<std::string>& told, std::size_t runs) {
  std::map<std::string, int> ends;
  for (const std::string& line : told) {
    const std::string run = line.substr(0, line.find(' '));
    EXPECT_EQ(ends[run], 0) << line << ": after its end";
    ends[run] += line.ends_with(" end");
  }
  EXPECT_EQ(ends.size(), runs);
  for (const auto& [run, count] : ends) EXPECT_EQ(count, 1) << run;
}

}  // namespace sonde::experiments
