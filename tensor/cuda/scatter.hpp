/// @file
/// Sums into places given by an index, in the order of the index: the same bits as one thread's.
#pragma once

#include "tensor/tensor.hpp"

namespace sonde::cuda {

/// out[.., index[.., i, ..], ..] += src[.., i, ..] for out of any strides. A bad index is reported
/// at its place by the strides `position`, and adds nothing.
void scatter_sum(const char* op, const Tensor& index, const Dims& position, const Tensor& src,
                 int axis, const Tensor& out);

/// Whether one thread for each of `lines`, which adds `length` terms one after another, is faster
/// than sorting.
bool lines_are_fast(std::int64_t lines, std::int64_t length);

}  // namespace sonde::cuda
