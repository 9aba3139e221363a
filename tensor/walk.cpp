#include "tensor/walk.hpp"

#include <utility>

namespace sonde {
namespace {

void add_operand(Walk& walk, const Tensor& t, const Dims& shape) {
  const int k = walk.operands++, missing = shape.rank() - t.rank();
  const std::int64_t width = size_of(t.dtype());
  walk.base[static_cast<std::size_t>(k)] = t.bytes();
  walk.width[static_cast<std::size_t>(k)] = width;
  for (int i = missing; i < shape.rank(); ++i) {
    const int axis = shape.rank() - 1 - i;  // innermost first
    const bool broadcast = t.shape()[i - missing] == 1;
    walk.stride[axis][k] = broadcast ? 0 : t.strides()[i - missing] * width;
  }
}

// Does axis b lie further out than axis a? Compared operand by operand, the output first.
bool outer(const Walk& walk, int a, int b) {
  for (int k = 0; k < walk.operands; ++k) {
    const std::int64_t x = std::abs(walk.stride[a][k]), y = std::abs(walk.stride[b][k]);
    if (x != y && x != 0 && y != 0) return x < y;
  }
  return true;
}

void order_axes(Walk& walk) {
  for (int i = 1; i < walk.rank; ++i)
    for (int j = i; j > 0 && !outer(walk, j - 1, j); --j) {
      std::swap(walk.size[j], walk.size[j - 1]);
      std::swap(walk.stride[j], walk.stride[j - 1]);
    }
}

// Drops axes of size 1 and merges an axis into the one inside it when every operand walks them as
// one.
void coalesce(Walk& walk) {
  int last = -1;
  for (int i = 0; i < walk.rank; ++i) {
    if (walk.size[i] == 1) continue;
    bool merge = last >= 0;
    for (int k = 0; merge && k < walk.operands; ++k)
      merge = walk.stride[i][k] == walk.stride[last][k] * walk.size[last];
    if (merge) {
      walk.size[last] *= walk.size[i];
    } else {
      ++last;
      walk.size[last] = walk.size[i];
      walk.stride[last] = walk.stride[i];
    }
  }
  walk.rank = last + 1;
}

// All operands row-major and of the output's shape: one flat loop, nothing to plan.
bool all_flat(std::span<const Tensor> in, const Tensor& out) {
  if (!out.is_contiguous()) return false;
  for (const Tensor& t : in)
    if (!(t.shape() == out.shape()) || !(t.strides() == out.strides())) return false;
  return true;
}

}  // namespace

Walk walk_of(std::span<const Tensor> in, const Tensor& out) {
  Walk walk;
  if (all_flat(in, out)) {
    walk.rank = 1;
    walk.size[0] = out.numel();
    walk.operands = static_cast<int>(in.size()) + 1;
    walk.base[0] = out.bytes();
    walk.stride[0][0] = walk.width[0] = size_of(out.dtype());
    for (std::size_t k = 0; k < in.size(); ++k) {
      walk.base[k + 1] = in[k].bytes();
      walk.stride[0][k + 1] = walk.width[k + 1] = size_of(in[k].dtype());
    }
    return walk;
  }
  walk.rank = out.rank();
  for (int i = 0; i < walk.rank; ++i) walk.size[i] = out.shape()[walk.rank - 1 - i];
  add_operand(walk, out, out.shape());
  for (const Tensor& t : in) add_operand(walk, t, out.shape());
  order_axes(walk);
  coalesce(walk);
  return walk;
}

}  // namespace sonde
