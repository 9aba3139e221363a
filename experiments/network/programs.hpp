/// @file
/// The programs that measure a person's own network, as functions: main() calls one of them.
#pragma once

namespace sonde::experiments {

// Each reads its options, runs, writes the results and returns the exit code, as run_program()
// has it.
int hessian_spectrum(int argc, const char* const* argv);
int ntk_spectrum(int argc, const char* const* argv);
int sensitivity_of(int argc, const char* const* argv);

}  // namespace sonde::experiments
