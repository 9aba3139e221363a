// The figure that a test puts beside its promise in docs/promises.md.
#pragma once

#include <fmt/format.h>

#include <cstdio>

namespace sonde {

/// Prints a line that `scripts/test.sh --promises` reads.
template <class... Args>
void promise_figure(fmt::format_string<Args...> format, Args&&... args) {
  fmt::print("figure: {}\n", fmt::format(format, std::forward<Args>(args)...));
  std::fflush(stdout);
}

}  // namespace sonde
