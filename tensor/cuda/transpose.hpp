/// @file
/// Copies whose inner axis in memory is not the output's, by tiles in shared memory.
#pragma once

#include "tensor/cuda/runtime.hpp"
#include "tensor/walk.hpp"

namespace sonde::cuda {

/// Copies operand 1 of the walk to operand 0, elements of the same type; `axis` is
/// crossed_axis(walk, 1), not 0.
void transposing_copy(Stream& stream, const Walk& walk, int axis);

}  // namespace sonde::cuda
