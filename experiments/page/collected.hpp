/// @file
/// What the runs in a folder found, read back from their files.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "experiments/common/json.hpp"
#include "experiments/common/results.hpp"
#include "experiments/page/registry.hpp"

namespace sonde::experiments {

enum class RunState {
  finished,
  begun,       ///< interrupted, killed, or going on
  failed,      ///< scripts/reproduce.sh left a line about it
  missing,     ///< nothing is there
  other_size,  ///< a quick run among others, or the other way round
  damaged,     ///< its files cannot be read, or hold something else
  no_data,     ///< not begun, and the data it needs are not on this machine
  no_program   ///< not begun, and its program is not built
};
std::string_view to_string(RunState state);

/// A figure as its run wrote it.
struct DrawnFigure {
  std::string name, caption;
  std::string svg;  ///< empty if it is not shown, for `reason`
  std::string reason{};
};

struct CollectedRun {
  Experiment experiment;  ///< without a paper's key if the list does not have it
  RunState state = RunState::missing;
  std::string reason{};   ///< why it is not finished
  std::string command{};  ///< the line that made it, or that makes it
  std::string listed{};   ///< the list's line
  // Of a finished run:
  RunFacts facts{};
  Json settings = Json::object();
  std::vector<Claim> claims{};
  std::vector<DrawnFigure> figures{};  ///< in the program's order

  bool finished() const { return state == RunState::finished; }
};

/// What is looked at.
struct Collection {
  std::vector<Experiment> list;  ///< in this order
  std::filesystem::path runs;    ///< a folder of their folders
  SizeClass size = SizeClass::standard;
  std::filesystem::path programs;  ///< the folder of the programs
};

/// Where scripts/reproduce.sh leaves a line, in the run's folder, if the program failed.
inline constexpr const char* failure_file = ".failed";

/// Each run of the list, then the finished ones in the folder that the list does not have. A run
/// that cannot be read is `damaged`, and its reason names the file and what is wrong with it;
/// figures of damaged files are left out. Error(file) if the folder cannot be read.
std::vector<CollectedRun> collect(const Collection& from);

/// Whether a text is a picture as figures write them: a single SVG element of shapes and texts,
/// without scripts, styles, and references to anything outside of it.
bool is_plain_svg(std::string_view text);

}  // namespace sonde::experiments
