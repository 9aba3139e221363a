/// @file
/// Elements and slices by index, one-hot, sorting. An index is an integer tensor; a value outside
/// its axis is Error(axis) naming value and position, found before anything is computed. There are
/// no negative indices. Sums over repeated indices are in the order of the index, for any number of
/// threads.
#pragma once

#include "autograd/primitive.hpp"

namespace sonde {

/// 0 .. n-1 as i64 [n].
inline Var arange(std::int64_t n, Device device) {
  return Tensor::arange(n, DType::i64, 0, 1, device);
}

/// y[.., i, ..] = x[.., index[.., i, ..], ..] along `axis`; of index's shape, which may be smaller
/// off the axis. Error(axis, shape, dtype).
Var gather(Operand x, std::int64_t axis, Operand index);
/// NumPy's name of gather.
Var take_along_axis(Operand x, Operand index, std::int64_t axis);
/// x with y[.., index[.., i, ..], ..] += src[.., i, ..]; src may be larger than index.
Var scatter_add(Operand x, std::int64_t axis, Operand index, Operand src);
/// scatter_add into zeros of `shape`; src of index's shape. The transpose of gather.
Var scatter_sum(Operand src, std::int64_t axis, Operand index, const Dims& shape);

/// x with `axis` replaced by the axes of `index`, of any rank: whole slices of x.
Var take(Operand x, Operand index, std::int64_t axis);
/// take for an index of rank 1 (or 0, as one element).
Var index_select(Operand x, std::int64_t axis, Operand index);
/// x with slice index[k] along `axis` increased by slice k of src.
Var index_add(Operand x, std::int64_t axis, Operand index, Operand src);
/// Rows of `weight` [entries, width]: [*index.shape, width].
Var embedding(Operand index, Operand weight);

/// [*index.shape, classes], 1 where the last coordinate equals the index, else 0.
Var one_hot(Operand index, std::int64_t classes, DType dtype = DType::i64);

struct Sorted {
  Var values, indices;  ///< indices: i64, where the values stood
};
/// Sorted along `axis`. Equal elements keep their order; NaN comes last in either direction.
Sorted sort(Operand x, std::int64_t axis = -1, bool descending = false);
/// The indices of sort.
Var argsort(Operand x, std::int64_t axis = -1, bool descending = false);
/// The k largest (or smallest) elements along `axis`, in order. Error(value) unless 0 <= k <= size.
Sorted topk(Operand x, std::int64_t k, std::int64_t axis = -1, bool largest = true);

}  // namespace sonde
