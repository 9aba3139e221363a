// Stands in place of the CUDA toolkit's header: kernels compile as plain C++20 and run on the host.
// See tests/cuda/README.md.
#pragma once

#define SONDE_CUDA_SIMULATOR 1

#include "simulated/qualifiers.hpp"
//
#include "simulated/api.hpp"
#include "simulated/atomics.hpp"
#include "simulated/launch.hpp"
#include "simulated/math.hpp"
#include "simulated/threads.hpp"
#include "simulated/types.hpp"
#include "simulated/vector_types.hpp"
