/// @file
/// What tests may ask of cuSOLVER's stand-in.
#pragma once

#include <atomic>
#include <cstdint>

namespace sonde::cuda {

/// The matrix of each batch whose eigenvalues or singular values are not found; -1: none.
extern std::atomic<std::int64_t> fails_to_converge;

}  // namespace sonde::cuda
