/// @file
/// What the machine can do at this moment: the bounds that rows are held against.
#pragma once

#include <cstdint>

#include "tensor/dtype.hpp"

namespace sonde::bench {

/// Floating point operations per second of a loop of multiply-adds on registers, on all threads().
double fma_rate(DType dtype);
/// Seconds that a copy takes on all threads() which reads and writes `bytes` together, caches warm.
double copy_seconds(std::int64_t bytes);

}  // namespace sonde::bench
