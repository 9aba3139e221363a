/// @file
/// Counts what a test program asks of operator new. Link tests/heap_count.cpp to use it.
#pragma once

#include <atomic>
#include <cstdint>

namespace sonde::testing {

inline std::atomic<std::int64_t> heap_bytes{0};

}  // namespace sonde::testing
