/// @file
/// What take and take_add have in common: whole slices by index. Tensors are seen as
/// [outer, n, inner] around the indexed axis; with lanes, each has its share of the outer positions
/// and a row of its own in the index.
#pragma once

#include "tensor/cuda/index_plan.hpp"

namespace sonde::cuda {

/// All row-major.
struct Slices {
  /// `shape` is that of the tensor with the axis; `index` is row-major and may be empty.
  Slices(Stream& stream, const char* op, const Dims& shape, const Tensor& index_tensor, int axis,
         bool with_lanes)
      : index(pointer<const std::int64_t>(stream, index_tensor)),
        lanes(with_lanes ? shape[0] : 1),
        guard{stream.faults.note(), op, shape[axis]} {
    for (int i = 0; i < axis; ++i) outer *= shape[i];
    for (int i = axis + 1; i < shape.rank(); ++i) inner *= shape[i];
    if (lanes > 0) count = index_tensor.numel() / lanes, share = outer / lanes;
  }

  const std::int64_t* index;
  std::int64_t lanes, outer = 1, inner = 1;
  std::int64_t count = 0;  ///< indices of a lane
  std::int64_t share = 0;  ///< outer positions of a lane
  IndexGuard guard;
};

/// Of a result without elements, only the index (row-major) is looked at.
void check_only(Stream& stream, const Tensor& index, const IndexGuard& guard);

#if defined(__CUDACC__) || defined(SONDE_CUDA_SIMULATOR)
/// a / b of numbers that are not negative; b is often 1.
__device__ inline std::int64_t quotient(std::int64_t a, std::int64_t b) {
  if (b == 1) return a;
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) / static_cast<std::uint64_t>(b));
}
#endif

}  // namespace sonde::cuda
