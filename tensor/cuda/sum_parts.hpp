/// @file
/// Sums that several blocks compute in parts, added in order.
#pragma once

#include <string_view>

#include "tensor/cuda/runtime.hpp"

namespace sonde::cuda {

/// Blocks that keep a device busy: what sizes alone may ask for, so that results do not depend on
/// the device.
inline constexpr std::int64_t busy_blocks = 256;

/// Into how many parts to cut sums of `terms` when without cutting there are `blocks` of them: as
/// many as give enough blocks, of at least `least` terms each.
std::int64_t parts_for(std::int64_t blocks, std::int64_t terms, std::int64_t least);

/// out = the sum over the first axis of parts [parts, ...]; both row-major in the order of `out`'s
/// memory.
template <class T>
void sum_parts(std::string_view op, Stream& stream, const Tensor& parts, const Tensor& out);

}  // namespace sonde::cuda
