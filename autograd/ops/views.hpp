/// @file
/// New shapes and orders of the same elements. Views of data wherever strides allow.
#pragma once

#include "autograd/primitive.hpp"

namespace sonde {

/// Same elements, row-major, in a new shape; one size may be -1. Error(shape).
Var reshape(Operand x, const Dims& shape);
/// Axes in a new order. Error(axis).
Var permute(Operand x, const Dims& axes);
/// Swaps two axes.
Var transpose(Operand x, std::int64_t a = -2, std::int64_t b = -1);
/// Broadcasts to `shape`, without a copy. Error(broadcast).
Var broadcast_to(Operand x, const Dims& shape);
/// Elements start, start+step, ... before stop along `axis`, as in Python. Error(axis, value).
Var slice(Operand x, std::int64_t axis, std::optional<std::int64_t> start, std::optional<std::int64_t> stop,
          std::int64_t step = 1);
/// Drops `axis` at `index`. Error(axis).
Var select(Operand x, std::int64_t axis, std::int64_t index);
Var squeeze(Operand x, std::int64_t axis);
Var unsqueeze(Operand x, std::int64_t axis);
/// Joins along an existing axis; all other sizes agree. Error(shape, dtype).
Var concat(const Vars& parts, std::int64_t axis, std::source_location where = std::source_location::current());
/// Joins along a new axis.
Var stack(const Vars& parts, std::int64_t axis, std::source_location where = std::source_location::current());

}  // namespace sonde
