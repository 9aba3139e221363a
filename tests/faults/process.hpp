/// @file
/// Another program, started with a chosen environment and chosen standard streams.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace sonde::faults {

/// Stands for a pipe that nobody reads from.
inline constexpr const char* broken_pipe = "|";

struct Command {
  std::vector<std::string> words;                    ///< the program's path first
  std::vector<std::string> environment = {};         ///< NAME=value; nothing is inherited
  std::string out = "/dev/null", err = "/dev/null";  ///< files; empty: closed
};

/// A running program; it is killed at the latest when this goes.
class Process {
 public:
  explicit Process(const Command& command);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t id() const { return pid_; }
  void send(int signal) const;
  /// Its exit code, or minus the signal that ended it. It is killed after a minute.
  int wait();

 private:
  pid_t pid_;
};

/// Runs it to its end.
int run(const Command& command);

}  // namespace sonde::faults
