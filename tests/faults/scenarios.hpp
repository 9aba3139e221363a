/// @file
/// What the faults are injected into: pieces of work on one folder, each a few milliseconds long.
#pragma once

#include <filesystem>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

namespace sonde::faults {

/// How a piece of work ended: an exit code as docs/errors.md has it, and what it said.
struct Outcome {
  int code = 0;
  std::string text;    ///< of the error
  std::string result;  ///< what was found or read; equal at every undisturbed run
};

struct Scenario {
  std::string name;
  /// Puts into an empty folder what was there before.
  std::function<void(const std::filesystem::path&)> prepare;
  /// The work, during which faults strike.
  std::function<Outcome(const std::filesystem::path&)> work;
  /// What is done after a fault, in the folder as that left it: it must end without an error and
  /// with the result of undisturbed work. The work itself if nothing is given.
  std::function<Outcome(const std::filesystem::path&)> again = {};
  /// What is to be found in the folder after successful work, however often it was interrupted.
  std::function<std::string(const std::filesystem::path&)> look = {};

  /// Whether JSON takes part, whose destructor ends the program when memory is refused to it.
  bool json() const {
    return name.starts_with("checkpoint") || name.starts_with("sweep") || name.starts_with("run_");
  }
  /// Whether its places are too many for every one of its allocations to be refused.
  bool whole_run() const { return name.starts_with("run_") && name != "run_log"; }

  friend void PrintTo(const Scenario& s, std::ostream* out) { *out << s.name; }
};

/// All of them; a new one is a line here and a function in scenarios.cpp.
const std::vector<Scenario>& scenarios();

}  // namespace sonde::faults
