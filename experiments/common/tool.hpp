/// @file
/// Programs that are no experiments: their command line.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace sonde::experiments {

/// Reads the options that `app` declares, then runs `work` and returns its exit code; says what
/// --help and --version ask for instead. Error(usage).
int run_tool(CLI::App& app, int argc, const char* const* argv, const std::function<int()>& work);

}  // namespace sonde::experiments
