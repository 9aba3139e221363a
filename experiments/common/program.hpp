/// @file
/// The main function of an executable by the contract: options, run folder, signals, exit codes.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "experiments/common/cli.hpp"
#include "experiments/common/run.hpp"

namespace sonde::experiments {

/// Exit codes. Anything else that escapes (a defect of the program) ends with 1.
enum ExitCode : int {
  done = 0,
  defect = 1,
  bad_usage = 2,
  bad_data = 3,
  failed_numerics = 4,
  interrupted_run = 130
};

/// The exit code of an Error.
int exit_code(ErrorCode code);

/// From here on the process ends with bad_data and one line, not with abort(), when memory is
/// refused where no exception may leave: JSON values ask for some in their destructors. Files are
/// whole at any moment, so the run can be resumed.
void end_without_memory();

/// To standard output, at once; Error(file) if that cannot be.
void print(std::string_view text);

/// Calls `work` and returns its exit code, or after an exception, told in one line on standard
/// error, that of the exception. For programs that are no run of an experiment.
int run_guarded(const std::string& name, const std::function<int()>& work);

/// Declares options, parses, runs, writes the results; returns the exit code. Never throws. One
/// line on standard error tells what went wrong.
int run_program(const About& about, const std::function<void(Cli&)>& declare,
                const std::function<void(Run&)>& body, int argc, const char* const* argv);

/// The same for a program that keeps its options in an object, which begins as `Options()`.
template <class Options>
int run_program(const About& about, void (&declare)(Cli&, Options&), void (&body)(Run&, Options&),
                int argc, const char* const* argv) {
  std::optional<Options> options;  // made where its errors are caught
  return run_program(
      about, [&](Cli& cli) { declare(cli, options.emplace()); },
      [&](Run& run) { body(run, *options); }, argc, argv);
}

}  // namespace sonde::experiments
