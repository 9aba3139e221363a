/// @file
/// The attributes of operations that are linear in a parameter, for those who look at a run from
/// outside: which layer is this?
#pragma once

#include <optional>

#include "autograd/ops/conv.hpp"
#include "autograd/ops/matmul.hpp"

namespace sonde {

/// Which operands are stored transposed, if `p` is a matmul.
std::optional<Transposed> matmul_attributes(const Primitive& p);
/// If `p` is a conv2d (conv1d is one too).
std::optional<ConvAttrs> conv2d_attributes(const Primitive& p);
/// The axis, which may be negative, if `p` is a take (embedding is one too).
std::optional<std::int64_t> take_attributes(const Primitive& p);

}  // namespace sonde
