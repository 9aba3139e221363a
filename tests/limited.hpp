// Work in a process of its own, under limits of the system on memory and time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace sonde {

/// Runs `work` in a child process that may take `bytes` of address space more than it has now, and
/// `seconds` of processor time. Returns what went wrong: nothing, an exception, a signal.
/// Sanitizers need address space of their own: with one, only time is limited.
std::string run_limited(std::int64_t bytes, int seconds, const std::function<void()>& work);

}  // namespace sonde
