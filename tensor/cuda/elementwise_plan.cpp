#include "tensor/cuda/elementwise_plan.hpp"

#include <cstdlib>

#include "tensor/kernels/elementwise.hpp"

namespace sonde::cuda {
namespace {

// Memory comes in sectors of 32 bytes.
constexpr std::int64_t sector = 32, least_tile = 8, worth_rearranging = 1 << 16;

// The same elements in the memory order of `out`.
Tensor rearranged(const Tensor& t, const Tensor& out) {
  Tensor moved = Tensor::empty_like(out, t.dtype());
  kernels::copy.find(out.device(), t.dtype())(std::span(&t, 1), moved, nullptr);
  return moved;
}

// Rows without gaps that start where packs of `width` elements do.
bool takes_vectors(const Walk& walk, int k, int width) {
  const std::int64_t bytes = walk.width[k] * width;
  if (walk.stride[0][k] != walk.width[k]) return false;
  if (reinterpret_cast<std::uintptr_t>(walk.base[k]) % static_cast<std::uintptr_t>(bytes) != 0)
    return false;
  for (int i = 1; i < walk.rank; ++i)
    if (walk.stride[i][k] % bytes != 0) return false;
  return true;
}

}  // namespace

ElementwisePlan plan_elementwise(Stream& stream, std::span<const Tensor> in, const Tensor& out) {
  ElementwisePlan plan;
  for (const Tensor& t : in) plan.in.push_back(t);
  plan.walk = walk_of(plan.in, out);
  if (out.numel() >= worth_rearranging) {
    bool moved = false;
    for (std::size_t k = 0; k < in.size(); ++k) {
      if (crossed_axis(plan.walk, static_cast<int>(k) + 1) == 0 || !(in[k].shape() == out.shape()))
        continue;
      plan.in[k] = rearranged(in[k], out);
      moved = true;
    }
    if (moved) plan.walk = walk_of(plan.in, out);
  }
  address(stream, out);
  for (std::size_t k = 0; k < in.size(); ++k) {
    if (is_number(in[k]))
      plan.walk.base[k + 1] = nullptr;
    else
      address(stream, plan.in[k]);
  }
  if (plan.walk.rank == 0) {  // one element: a row of one
    plan.walk.rank = 1;
    plan.walk.size[0] = 1;
    plan.walk.stride[0][0] = plan.walk.width[0];
  }
  return plan;
}

bool has_packs(const Walk& walk, int k, int width) {
  return walk.size[0] % width == 0 && takes_vectors(walk, k, width);
}

bool is_flat(const Walk& walk, int width) {
  if (walk.rank != 1 || !takes_vectors(walk, 0, width)) return false;
  for (int k = 1; k < walk.operands; ++k)
    if (walk.stride[0][k] != 0 && !takes_vectors(walk, k, width)) return false;
  return true;
}

SmallVector<Walk, 1> cut(const Walk& walk, int width, std::int64_t most_packs) {
  SmallVector<Walk, 1> parts;
  const std::int64_t in_row = (walk.size[0] + width - 1) / width;
  std::int64_t rows = 1;
  for (int i = 1; i < walk.rank; ++i) rows *= walk.size[i];
  if (in_row <= most_packs / rows) {
    parts.push_back(walk);
    return parts;
  }
  // The longest axis in halves; that of a row between two packs.
  int axis = 0;
  for (int i = 1; i < walk.rank; ++i)
    if (walk.size[i] > (axis == 0 ? in_row : walk.size[axis])) axis = i;
  Walk first = walk, second = walk;
  first.size[axis] = axis == 0 ? in_row / 2 * width : walk.size[axis] / 2;
  second.size[axis] -= first.size[axis];
  for (int k = 0; k < walk.operands; ++k)
    if (walk.base[k]) second.base[k] += first.size[axis] * walk.stride[axis][k];
  for (const Walk& half : {first, second})
    for (const Walk& part : cut(half, width, most_packs)) parts.push_back(part);
  return parts;
}

int crossed_axis(const Walk& walk, int k) {
  const auto step = [&](int axis) { return std::abs(walk.stride[axis][k]); };
  if (walk.rank < 2 || walk.size[0] < least_tile || step(0) < sector) return 0;
  int best = 0;
  for (int i = 1; i < walk.rank; ++i) {
    if (walk.size[i] < least_tile || step(i) == 0 || 2 * step(i) > sector) continue;
    if (best == 0 || step(i) < step(best)) best = i;
  }
  return best;
}

}  // namespace sonde::cuda
