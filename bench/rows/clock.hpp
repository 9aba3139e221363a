/// @file
/// The clock that rows are timed by.
#pragma once

#include <time.h>

#include "tensor/parallel.hpp"

namespace sonde::bench {

/// Seconds. With one thread those that this process has computed, which stand still while another
/// program has the core; with more, those on the wall.
inline double now() {
  timespec t{};
  clock_gettime(threads() == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

}  // namespace sonde::bench
