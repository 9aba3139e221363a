/// @file
/// The program `reproduction_page` as a function: main() calls it.
#pragma once

namespace sonde::experiments {

/// Collects runs into one page, as --help tells; returns the exit code.
int reproduction_page(int argc, const char* const* argv);

}  // namespace sonde::experiments
