/// @file
/// The parts of register_elementwise(), each a source of its own: nvcc compiles them side by side.
#pragma once

namespace sonde::cuda {

void register_arithmetic();

}  // namespace sonde::cuda
