/// @file
/// Other programs: started, asked, waited for.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace sonde::experiments {

/// What a process does with the descriptors of this one.
struct Streams {
  int out, err;   ///< become its standard output and standard error
  int kept = -1;  ///< stays open in it, under its number
};

/// Starts a program; words[0] is its path. The process is the first of a group of its own, so that
/// Ctrl-C reaches it through this one alone, and gets SIGTERM when this one ends, however it ends.
/// Call it from the main thread. Error(file) if there can be no further process.
pid_t start_process(const std::vector<std::string>& words, const Streams& streams);

/// Its exit code, or 128 + the signal that ended it; nothing while it goes on.
std::optional<int> ended(pid_t process);

struct Answer {
  int status;
  std::string out, err;
};
/// What a program says, to its end.
Answer ask(const std::vector<std::string>& words);

/// Of what a program said the last line that is not empty.
std::string last_line(const std::string& text);

/// The folder of the program that runs.
std::filesystem::path own_folder();

}  // namespace sonde::experiments
