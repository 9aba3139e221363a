/// @file
/// The program on the Boolean cube as a function: main() calls it.
#pragma once

namespace sonde::experiments {

/// Reads its options, runs, writes the results and returns the exit code, as run_program() has it.
int ntk_boolean(int argc, const char* const* argv);

}  // namespace sonde::experiments
