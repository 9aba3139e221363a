/// @file
/// The experiments that reproduce the papers, and the lines that run them: the one list of them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "experiments/common/settings.hpp"

namespace sonde::experiments {

struct Paper {
  std::string key;        ///< what experiments name it by
  std::string title;      ///< authors and year, short
  std::string reference;  ///< as the programs give it, without sections
};

/// A line of the list. Another one is all it takes to have an experiment run and shown.
struct Experiment {
  std::string name;                    ///< of its run's folder, and in scripts/reproduce.sh
  std::string paper;                   ///< key
  std::string program;                 ///< in the folder of programs
  std::vector<std::string> options{};  ///< beside --quick and --full
  std::string data{};                  ///< the set of images it needs, by name; none
};

/// In the order of the page.
const std::vector<Paper>& papers();
const std::vector<Experiment>& experiments();

/// The option that asks for a size: "--quick", "--full", or nothing.
std::string size_option(SizeClass size);
/// Where runs of a size lie, from the repository's root: each size by itself, so that no quick run
/// is taken for another.
std::filesystem::path runs_folder(SizeClass size);
/// The words that make its run in `runs`, a folder; the first is the program's name.
std::vector<std::string> command_of(const Experiment& experiment, SizeClass size,
                                    const std::filesystem::path& runs);
/// The same as a line for a shell.
std::string command_line(const Experiment& experiment, SizeClass size,
                         const std::filesystem::path& runs);

}  // namespace sonde::experiments
