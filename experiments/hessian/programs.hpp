/// @file
/// Programs on attention's Hessian as functions: main() calls them.
#pragma once

namespace sonde::experiments {

// Each reads its options, runs, writes the results and returns the exit code, as run_program() has
// it.
int hessian_growth(int argc, const char* const* argv);
int hessian_heterogeneity(int argc, const char* const* argv);

}  // namespace sonde::experiments
