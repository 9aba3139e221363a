#include "tensor/cpu/reduce.hpp"

#include <algorithm>

#include "tensor/cpu/register.hpp"

namespace sonde::cpu {
namespace {

// Neighbouring axes in memory order that are all reduced or all kept.
struct Group {
  std::int64_t size;
  bool reduced;
};
using Groups = SmallVector<Group, max_rank + 1>;

bool contains(const Dims& axes, std::int64_t axis) {
  return std::find(axes.begin(), axes.end(), axis) != axes.end();
}

// Axes from the largest stride to the smallest.
Dims memory_order(const Tensor& t) {
  Dims order;
  for (int i = 0; i < t.rank(); ++i) order.push_back(i);
  if (!t.is_contiguous())
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) {
      return t.strides()[static_cast<int>(a)] > t.strides()[static_cast<int>(b)];
    });
  return order;
}

Groups groups_of(const Tensor& t, const Dims& axes, const Dims& order) {
  Groups groups;
  for (std::int64_t axis : order) {
    const std::int64_t n = t.shape()[static_cast<int>(axis)];
    const bool reduced = contains(axes, axis);
    if (n == 1) continue;
    if (!groups.empty() && groups.back().reduced == reduced)
      groups.back().size *= n;
    else
      groups.push_back({n, reduced});
  }
  return groups;
}

std::int64_t product(const Groups& groups, std::size_t begin, std::size_t end) {
  std::int64_t n = 1;
  for (std::size_t i = begin; i < end; ++i) n *= groups[i].size;
  return n;
}

// The innermost reduced group; groups.size() if none is left.
std::size_t innermost_reduced(const Groups& groups) {
  for (std::size_t i = groups.size(); i-- > 0;)
    if (groups[i].reduced) return i;
  return groups.size();
}

void erase(Groups& groups, std::size_t i) {
  for (; i + 1 < groups.size(); ++i) groups[i] = groups[i + 1];
  groups.pop_back();
}

// Reduces group by group into `out`, whose elements lie in the memory order of the kept axes.
void reduce_groups(const ReduceLoops& loops, const std::byte* in, Groups groups, Tensor& out) {
  ReduceMiddle loop = loops.first;
  Tensor previous;  // keeps the input of a later step alive
  for (;;) {
    const std::size_t i = innermost_reduced(groups);
    if (i == groups.size()) return loop(in, out.bytes(), out.numel(), 1, 1);  // nothing to reduce
    const std::int64_t outer = product(groups, 0, i), inner = product(groups, i + 1, groups.size());
    const std::int64_t size = groups[i].size;
    erase(groups, i);
    const bool last = innermost_reduced(groups) == groups.size();
    Tensor next = last ? out : Tensor::empty({outer * inner}, out.dtype());
    loop(in, next.bytes(), outer, size, inner);
    if (last) return;
    previous = next;
    in = previous.bytes();
    loop = loops.again;
  }
}

}  // namespace

void reduce(const ReduceLoops& loops, const Tensor& in, const Dims& axes, Tensor& out) {
  if (out.numel() == 0) return;
  if (in.numel() == 0) return loops.first(in.bytes(), out.bytes(), out.numel(), 0, 1);
  const Tensor source = in.is_contiguous() || in.is_dense() ? in : in.contiguous();
  const Dims order = memory_order(source);
  const Groups groups = groups_of(source, axes, order);
  // The kept axes in memory order, and where each belongs in the result.
  Dims kept, shape;
  for (int i = 0; i < in.rank(); ++i)
    if (!contains(axes, i)) shape.push_back(in.shape()[i]);
  for (std::int64_t axis : order)
    if (!contains(axes, axis)) kept.push_back(axis);
  if (std::is_sorted(kept.begin(), kept.end()))
    return reduce_groups(loops, source.bytes(), groups, out);
  Dims packed_order;  // kept axes renumbered without the reduced ones
  for (std::int64_t axis : kept)
    packed_order.push_back(
        std::count_if(kept.begin(), kept.end(), [&](auto other) { return other < axis; }));
  Tensor packed = Tensor::empty_ordered(shape, packed_order, out.dtype());
  reduce_groups(loops, source.bytes(), groups, packed);
  out.copy_from(packed.reshape(out.shape()));
}

void reduce_at_once(ReduceMiddle loop, const Tensor& in, const Dims& axes, Tensor& out) {
  if (out.numel() == 0) return;
  if (in.numel() == 0) return loop(in.bytes(), out.bytes(), out.numel(), 0, 1);
  if (in.is_contiguous()) {
    const Groups groups = groups_of(in, axes, memory_order(in));
    const std::size_t i = innermost_reduced(groups);
    if (i == groups.size()) return loop(in.bytes(), out.bytes(), out.numel(), 1, 1);
    if (product(groups, 0, groups.size()) == out.numel() * groups[i].size)  // no other one
      return loop(in.bytes(), out.bytes(), product(groups, 0, i), groups[i].size,
                  product(groups, i + 1, groups.size()));
  }
  Dims order;  // kept axes, then reduced ones
  for (int i = 0; i < in.rank(); ++i)
    if (!contains(axes, i)) order.push_back(i);
  for (std::int64_t axis : axes) order.push_back(axis);
  const Tensor rows = in.permute(order).contiguous();
  loop(rows.bytes(), out.bytes(), out.numel(), in.numel() / out.numel(), 1);
}

void register_reduce() {
  install_reductions();
  install_scans();
}

}  // namespace sonde::cpu
