/// @file
/// How an elementwise kernel walks its operands: axes in the best order, merged where all operands
/// allow it. Shared by the backends.
#pragma once

#include <array>
#include <span>

#include "tensor/tensor.hpp"

namespace sonde {

/// The output is operand 0. Axes are innermost first; strides are in bytes, 0 where an operand is
/// broadcast.
struct Walk {
  static constexpr int max_operands = 4;
  using Strides = std::array<std::int64_t, max_operands>;

  int rank = 0, operands = 0;
  std::array<std::int64_t, max_rank> size{};
  std::array<Strides, max_rank> stride{};
  std::array<std::byte*, max_operands> base{};
  std::array<std::int64_t, max_operands> width{};  ///< bytes of an element
};

/// The walk over `out` (not empty) and `in`, broadcast to out's shape. Axes are ordered by out's
/// strides, then by the inputs'; axes of size 1 are gone.
Walk walk_of(std::span<const Tensor> in, const Tensor& out);

}  // namespace sonde
