/// @file
/// SIGINT and SIGTERM as a question that long work asks at points where it can stop.
#pragma once

namespace sonde::experiments {

/// While one lives, the first SIGINT or SIGTERM is remembered and a second one ends the process at
/// once with status 130 (files are written whole or not at all, so that is safe too). Restores the
/// former handlers. One at a time.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
};

/// True after the first signal.
bool interrupted();

/// Thrown where work stops after its checkpoint; ends the program with status 130.
struct Interrupted {};

}  // namespace sonde::experiments
