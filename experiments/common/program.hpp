/// @file
/// The main function of an executable by the contract: options, run folder, signals, exit codes.
#pragma once

#include <functional>

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

/// Declares options, parses, runs, writes the results; returns the exit code. Never throws. One
/// line on standard error tells what went wrong.
int run_program(const About& about, const std::function<void(Cli&)>& declare,
                const std::function<void(Run&)>& body, int argc, const char* const* argv);

}  // namespace sonde::experiments
