/// @file
/// The windows of a pooling along one axis.
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/kernels/conv.hpp"

namespace sonde::cpu {

/// Positions begin, begin + step, ... < end, all inside the image. `full` also counts positions in
/// the padding.
struct Window {
  std::int64_t begin, end, step, full;
};

/// Windows of outputs 0 .. out-1 along axis 0 (height) or 1 (width) of an input of size `in`.
std::vector<Window> pool_windows(const PoolAttrs& attrs, std::size_t axis, std::int64_t in,
                                 std::int64_t out);

/// For each input position, the outputs [begin, end) whose windows cover it. Windows must have
/// step 1.
std::vector<Window> covering_windows(const std::vector<Window>& windows, std::int64_t in);

}  // namespace sonde::cpu
