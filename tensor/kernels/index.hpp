/// @file
/// Kernel slots of operations that move elements by index. `index` is i64; a value outside [0, n)
/// is Error(axis) naming the value and its position. There are no negative indices. The CPU finds
/// it before anything is written; a device says so when the host next waits for it: until then a
/// bad index reads and writes nothing, an element that asks for it is 0, and a sum goes without it.
#pragma once

#include "tensor/kernel.hpp"
#include "tensor/tensor.hpp"

namespace sonde::kernels {

/// out[.., i, ..] = x[.., index[.., i, ..], ..]: one index per element of out; off `axis`, index
/// may be smaller than x. Rank 1 at least.
using Gather = void(const Tensor& x, const Tensor& index, int axis, Tensor& out);
inline Kernel<Gather> gather{"gather"};
/// out[.., index[.., i, ..], ..] += src[.., i, ..]; a repeated index adds in the order of i.
using ScatterAdd = void(const Tensor& index, const Tensor& src, int axis, Tensor& out);
inline Kernel<ScatterAdd> scatter_add{"scatter_add"};

/// Whole slices: out = x with `axis` replaced by the axes of `index` (of any rank). With `lanes`,
/// axis 0 of x and of index hold lanes, each indexed by its own: they stay axis 0 of out. Out is
/// row-major.
using Take = void(const Tensor& x, const Tensor& index, int axis, bool lanes, Tensor& out);
inline Kernel<Take> take{"take"};
/// The adjoint: out's slice index[k] += slice k of src, in the order of k. Out is row-major.
using TakeAdd = void(const Tensor& index, const Tensor& src, int axis, bool lanes, Tensor& out);
inline Kernel<TakeAdd> take_add{"take_add"};

/// out [*index.shape, n] is 1 where the last coordinate equals the index, else 0. Looked up by
/// out's dtype; row-major.
using OneHot = void(const Tensor& index, Tensor& out);
inline Kernel<OneHot> one_hot{"one_hot"};

/// The first values.shape[axis] of the sorted elements along `axis`, and where they stood (i64).
/// Equal elements keep their order, NaN comes last in either direction. Rank 1 at least. Looked up
/// by x's dtype. On a device, x of rows that are longer than 2048 has up to 2^32 - 1 elements, else
/// Error(size).
using Sort = void(const Tensor& x, int axis, bool descending, Tensor& values, Tensor& indices);
inline Kernel<Sort> sort{"sort"};

}  // namespace sonde::kernels
