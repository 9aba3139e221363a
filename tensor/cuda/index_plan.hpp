/// @file
/// What gather and scatter_add have in common: one index per element, and tensors of any strides.
#pragma once

#include <array>

#include "tensor/cuda/launch.hpp"
#include "tensor/walk.hpp"

namespace sonde::cuda {

/// Tells which values are indices, and of the others the host.
struct IndexGuard {
  FaultNote note;
  const char* op;  ///< a literal
  std::int64_t n;  ///< the size of the indexed axis

#if defined(__CUDACC__) || defined(SONDE_CUDA_SIMULATOR)
  __device__ bool allows(std::int64_t index) const {
    return static_cast<std::uint64_t>(index) < static_cast<std::uint64_t>(n);
  }
  /// `position` is that of the element in the index tensor, row-major.
  __device__ void report(std::int64_t index, std::int64_t position) const {
    note_fault(note, op, FaultKind::index, position, index, n);
  }
#endif
};

/// The elements of an index tensor, or the lines of them along the indexed axis. Offsets are in
/// bytes from the bases of the walk.
struct IndexPlan {
  /// Operands of the walk: the tensor shaped like the index; the index; the indexed tensor, at
  /// index 0; the row-major position in the index, of eight bytes each.
  enum Operand { like, index, indexed, position };

  Walk walk;
  std::int64_t items = 1;   ///< of the walk: elements or lines
  std::int64_t step = 0;    ///< from one index of the indexed tensor to the next
  std::int64_t length = 1;  ///< elements of a line
  Walk::Strides along{};    ///< from one element of a line to the next
  IndexGuard guard{};
};

enum class Items { elements, lines };
/// Also orders the stream behind what uses the tensors. Positions are counted with the strides
/// `position`. Without items there is no walk.
IndexPlan index_plan(Stream& stream, const char* op, const Tensor& like, const Tensor& index,
                     const Dims& position, const Tensor& indexed, int axis, Items items);

#if defined(__CUDACC__) || defined(SONDE_CUDA_SIMULATOR)
/// Of item `i`, the offsets of the first `count` operands.
template <int count>
__device__ std::array<std::int64_t, count> offsets_of(const Walk& walk, std::int64_t i) {
  std::array<std::int64_t, count> at{};
  auto rest = static_cast<std::uint64_t>(i);
  for (int axis = 0; axis < walk.rank; ++axis) {
    const auto size = static_cast<std::uint64_t>(walk.size[axis]);
    const std::uint64_t next = axis + 1 < walk.rank ? rest / size : 0;
    const auto here = static_cast<std::int64_t>(rest - next * size);
    for (int k = 0; k < count; ++k) at[k] += here * walk.stride[axis][k];
    rest = next;
  }
  return at;
}

/// The element of a T at a byte offset from an operand's base.
template <class T>
__device__ T& element(const Walk& walk, int operand, std::int64_t offset) {
  return *reinterpret_cast<T*>(walk.base[operand] + offset);
}
#endif

}  // namespace sonde::cuda
