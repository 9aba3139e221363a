/// @file
/// The two ways to normalise (see kernels::Normalize for the five axes): rows, where the middle
/// axis has size 1 and each statistic belongs to one contiguous row; and columns, where it belongs
/// to columns of matrices [middle, groups * inner].
#pragma once

#include "tensor/cuda/runtime.hpp"
#include "tensor/kernels/softmax_norm.hpp"
#include "tensor/normalize_sizes.hpp"

namespace sonde::cuda {

template <class T>
void normalize_by_rows(Stream& stream, const NormalizeForwardArgs<T>& a);
template <class T>
void normalize_by_columns(Stream& stream, const NormalizeForwardArgs<T>& a);
template <class T>
void normalize_grad_by_rows(Stream& stream, const NormalizeBackwardArgs<T>& a);
template <class T>
void normalize_grad_by_columns(Stream& stream, const NormalizeBackwardArgs<T>& a);

inline Device device_of(const Stream& stream) {
  return {DeviceType::cuda, static_cast<std::int8_t>(stream.device)};
}

/// Sums of a column of cotangents, and of their products with xhat.
struct ColumnSums {
  double ct, dot;
  __host__ __device__ ColumnSums operator+(const ColumnSums& b) const {
    return {ct + b.ct, dot + b.dot};
  }
};
/// The sums of the columns of `matrices` matrices, [matrices, width, parts].
struct ColumnSumsTable {
  Tensor memory;
  std::int64_t matrices, parts;
};
/// The rows of a matrix are those of one statistic, or (normalisation by rows) all of a lane.
template <class T>
ColumnSumsTable sum_columns(Stream& stream, const NormalizeBackwardArgs<T>& a, bool by_rows);
/// dweight and dbias from the sums: two stages of a fixed order.
template <class T>
void sum_parameters(Stream& stream, const NormalizeBackwardArgs<T>& a, const ColumnSumsTable& sums);

}  // namespace sonde::cuda
