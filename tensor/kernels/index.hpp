/// @file
/// Kernel slots of operations that move elements by index. `index` is i64; a value outside [0, n) is Error(axis) naming the
/// value and its position, found before anything is written. There are no negative indices.
#pragma once

#include "tensor/kernel.hpp"
#include "tensor/tensor.hpp"

namespace sonde::kernels {

using IndexRead = void(const Tensor& x, const Tensor& index, int axis, Tensor& out);
using IndexAdd = void(const Tensor& index, const Tensor& src, int axis, Tensor& out);

/// out[.., i, ..] = x[.., index[.., i, ..], ..]: one index per element of out; off `axis`, index may be smaller than x.
inline Kernel<IndexRead> gather{"gather"};
/// out[.., index[.., i, ..], ..] += src[.., i, ..]; a repeated index adds in the order of i.
inline Kernel<IndexAdd> scatter_add{"scatter_add"};

/// Whole slices: out = x with `axis` replaced by the axes of `index` (of any rank). Out is row-major.
inline Kernel<IndexRead> take{"take"};
/// The adjoint: out's slice index[k] += slice k of src, in the order of k. Out is row-major.
inline Kernel<IndexAdd> take_add{"take_add"};

/// out [*index.shape, n] is 1 where the last coordinate equals the index, else 0. Looked up by out's dtype; row-major.
using OneHot = void(const Tensor& index, Tensor& out);
inline Kernel<OneHot> one_hot{"one_hot"};

/// The first values.shape[axis] of the sorted elements along `axis`, and where they stood (i64). Equal elements keep their
/// order, NaN comes last in either direction. Looked up by x's dtype.
using Sort = void(const Tensor& x, int axis, bool descending, Tensor& values, Tensor& indices);
inline Kernel<Sort> sort{"sort"};

}  // namespace sonde::kernels
