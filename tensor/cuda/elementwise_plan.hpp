/// @file
/// The host's side of elementwise kernels: which loop an operation gets, and its operands.
#pragma once

#include "tensor/cuda/divider.hpp"
#include "tensor/cuda/runtime.hpp"
#include "tensor/small_vector.hpp"
#include "tensor/walk.hpp"

namespace sonde::cuda {

/// Enough to keep any device busy; kernels go on in steps of the grid.
inline constexpr std::int64_t most_blocks = 1 << 13;

/// An input that lies on the host and is handed to the kernel by value.
inline bool is_number(const Tensor& t) {
  return t.device().type == DeviceType::cpu && t.rank() == 0;
}

struct ElementwisePlan {
  Tensors in;  ///< as given, but large ones whose inner axis is not the output's are rearranged
  Walk walk;   ///< over `in` and the output, of rank 1 at least; the base of a number is null
};
/// `out` is not empty. Orders `stream` behind earlier use of the operands.
ElementwisePlan plan_elementwise(Stream& stream, std::span<const Tensor> in, const Tensor& out);

/// Whether rows of operand `k` are whole packs of `width` elements without gaps, all of them
/// aligned.
bool has_packs(const Walk& walk, int k, int width);
/// Whether one index goes through all operands, `width` elements at a time, but for a last pack
/// that may be shorter; inputs of one element aside.
bool is_flat(const Walk& walk, int width);

/// Parts of the walk with at most `most_packs` packs of `width` elements, no pack across rows.
SmallVector<Walk, 1> cut(const Walk& walk, int width, std::int64_t most_packs = INT32_MAX);

/// The axis along which neighbours of input `k` share a sector of memory, if along the inner axis
/// they do not; 0 if there is none, or too little of it to be worth a tile.
int crossed_axis(const Walk& walk, int k);

/// A walk as a kernel uses it: packs are numbered row by row, the outer axes' strides are beside
/// each other for all operands.
template <int operands>
struct StridedPlan {
  StridedPlan(const Walk& walk, int width);

  int rank;
  std::uint32_t packs = 1;  ///< in all
  std::int64_t row;         ///< elements in a row
  Divider row_packs;
  Divider size[max_rank];  ///< of the outer axes, from 1
  std::int64_t stride[max_rank][operands];
};

template <int operands>
StridedPlan<operands>::StridedPlan(const Walk& walk, int width)
    : rank(walk.rank), row(walk.size[0]) {
  const auto in_row = static_cast<std::uint32_t>((row + width - 1) / width);
  packs = in_row;
  row_packs = Divider(in_row);
  for (int i = 0; i < rank; ++i) {
    for (int k = 0; k < operands; ++k) stride[i][k] = walk.stride[i][k];
    if (i == 0) continue;
    packs *= static_cast<std::uint32_t>(walk.size[i]);
    size[i] = Divider(static_cast<std::uint32_t>(walk.size[i]));
  }
}

}  // namespace sonde::cuda
