/// @file
/// The one strided loop: walks up to four operands of one broadcast shape with the longest possible
/// inner loops.
#pragma once

#include <cstdint>
#include <span>

#include "tensor/tensor.hpp"

namespace sonde::cpu {

/// Inner loop over `n` elements. ptr[0] is the output, ptr[1..] the inputs; strides in bytes (0:
/// broadcast).
using Loop = void (*)(std::byte* const* ptr, const std::int64_t* stride, std::int64_t n,
                      const double* params);

/// Runs `loop` over `out` and `in` (broadcast to out's shape). Axes are ordered by out's strides
/// and merged where all operands allow it. Parallel when out has more than `grain` elements; chunk
/// boundaries depend on sizes only.
void strided_loop(std::span<const Tensor> in, const Tensor& out, Loop loop, const double* params,
                  std::int64_t grain);

}  // namespace sonde::cpu
