// Runs the blocks of a grid, one after another, each thread of a block as a fiber.
#pragma once

#include <cstddef>

#include "cuda_runtime.h"

namespace simulator {

/// Runs every thread of the grid. Ends the program where threads wait for each other forever.
void run_grid(const Call& call, int device, dim3 grid, dim3 block,
              std::size_t dynamic_shared_bytes);

}  // namespace simulator
