/// @file
/// The program `sweep` as a function: main() calls it.
#pragma once

namespace sonde::experiments {

/// Runs an experiment over a grid or at random, as --help tells; returns the exit code.
int sweep(int argc, const char* const* argv);

}  // namespace sonde::experiments
