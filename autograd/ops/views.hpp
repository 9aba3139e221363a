/// @file
/// New shapes and orders of the same elements. Views of data wherever strides allow.
#pragma once

#include <optional>
#include <vector>

#include "autograd/primitive.hpp"

namespace sonde {

/// Same elements, row-major, in a new shape; one size may be -1. Error(shape).
Var reshape(Operand x, const Dims& shape);
/// Axes in a new order. Error(axis).
Var permute(Operand x, const Dims& axes);
/// Swaps two axes. Error(axis).
Var transpose(Operand x, std::int64_t a = -2, std::int64_t b = -1);
/// Broadcasts to `shape`, without a copy. Error(broadcast).
Var broadcast_to(Operand x, const Dims& shape);
/// Elements start, start+step, ... before stop along `axis`, as in Python. Error(axis, value).
Var slice(Operand x, std::int64_t axis, std::optional<std::int64_t> start,
          std::optional<std::int64_t> stop, std::int64_t step = 1);
/// Drops `axis` at `index`. Error(axis).
Var select(Operand x, std::int64_t axis, std::int64_t index);
/// Drops `axis`, which must have size 1. Error(shape, axis).
Var squeeze(Operand x, std::int64_t axis);
/// A new axis of size 1 in front of `axis` of the result. Error(axis), Error(shape) beyond rank 8.
Var unsqueeze(Operand x, std::int64_t axis);
/// Joins along an existing axis; all other sizes and the dtypes agree. Error(shape, axis),
/// Error(value) for no parts.
Var concat(const Vars& parts, std::int64_t axis,
           std::source_location where = std::source_location::current());
/// Joins along a new axis; all parts have one shape and dtype. Errors as concat.
Var stack(const Vars& parts, std::int64_t axis,
          std::source_location where = std::source_location::current());
/// Views of consecutive parts of `sizes` along `axis`, which they must make up. Error(axis, shape,
/// value).
Vars split(Operand x, const std::vector<std::int64_t>& sizes, std::int64_t axis = 0);
/// Parts of `size`, the last of what is left.
Vars split(Operand x, std::int64_t size, std::int64_t axis = 0);
/// At most `chunks` parts of one size, the last of what is left.
Vars chunk(Operand x, std::int64_t chunks, std::int64_t axis = 0);
/// Views of all positions along `axis`, without that axis. Error(axis).
Vars unstack(Operand x, std::int64_t axis = 0);

/// before[i] and after[i] elements of `value` around axis i. Error(shape, value).
Var pad(Operand x, const Dims& before, const Dims& after, double value = 0);
/// The diagonal of axes a and b, `offset` above the main one, as a new last axis. Error(axis,
/// value).
Var diagonal(Operand x, std::int64_t offset = 0, std::int64_t a = -2, std::int64_t b = -1);
/// Square matrices with the last axis of x on their diagonals.
Var diag_embed(Operand x);
/// Axes in reverse. Error(axis).
Var flip(Operand x, const Dims& axes);
/// Elements moved by `shift` positions along `axis`; what leaves at one end enters at the other.
/// Error(axis).
Var roll(Operand x, std::int64_t shift, std::int64_t axis);
/// Axes start .. end as one. Error(axis).
Var flatten(Operand x, std::int64_t start = 0, std::int64_t end = -1);
/// Axis `from` at position `to`, the others in their order. Error(axis).
Var movedim(Operand x, std::int64_t from, std::int64_t to);

}  // namespace sonde
