/// @file
/// Sweeps killed at random moments.
#pragma once

#include "promise_figure.hpp"
#include "sweep_toy.hpp"
#include "tensor/philox.hpp"

namespace sonde::experiments {

/// Every summary.json of a sweep, by its run.
inline std::map<std::string, std::string> summaries(const ToySweep& toys) {
  std::map<std::string, std::string> all;
  const std::filesystem::path runs = toys.out() + "/runs";
  if (!is_there(runs)) return all;
  for (const std::string& run : names_in(runs))
    if (is_there(runs / run / "summary.json")) all[run] = read_bytes(runs / run / "summary.json");
  return all;
}

/// Kills sweeps with SIGKILL at random moments until that was done `kills` times; where all runs
/// are finished, another sweep begins. No run that was finished is lost or repeated.
inline void kill_at_random(int kills) {
  constexpr std::size_t runs = 12;
  constexpr double longest = 0.6;  // seconds; an undisturbed sweep takes more
  int killed = 0, sweeps = 0;
  std::uint64_t draw = 0;
  while (killed < kills) {
    const ToySweep toys(R"({"grid": {"width": [1, 2, 3, 4, 5, 6], "lr": [0.1, 0.2]},
                            "fixed": {"pause": 15, "steps": 8}})");
    std::map<std::string, std::string> finished;
    while (killed < kills && finished.size() < runs) {
      Process sweep(toys.words({}), toys.path("said"));
      const double wait = longest * philox::unit(philox::bits({5, 0}, draw++));
      std::this_thread::sleep_for(std::chrono::duration<double>(wait));
      sweep.signal(SIGKILL);
      if (sweep.wait() == 128 + SIGKILL) ++killed;
      const auto now = summaries(toys);
      for (const auto& [run, text] : finished) ASSERT_EQ(now.at(run), text) << run;
      finished = now;
    }
    ASSERT_EQ(toys.run(), 0) << toys.said();
    const auto end = summaries(toys);
    ASSERT_EQ(end.size(), runs);
    for (const auto& [run, text] : finished) ASSERT_EQ(end.at(run), text) << run;
    expect_each_once(toys.told(), runs);
    ++sweeps;
  }
  promise_figure("{} kills in {} sweeps of {} runs, none lost, none repeated", killed, sweeps,
                 runs);
}

}  // namespace sonde::experiments
