/// @file
/// The program on strings of two cues as a function: main() calls it.
#pragma once

namespace sonde::experiments {

/// Reads its options, runs, writes the results and returns the exit code, as run_program() has it.
int sparse_tokens(int argc, const char* const* argv);

}  // namespace sonde::experiments
