#include "tensor/reduce_steps.hpp"

#include <algorithm>
#include <cstdlib>

namespace sonde {
namespace {

// Neighbouring axes in memory order that are all reduced or all kept.
struct Group {
  std::int64_t size, step;
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
      return std::abs(t.strides()[static_cast<int>(a)]) >
             std::abs(t.strides()[static_cast<int>(b)]);
    });
  return order;
}

Groups groups_of(const Tensor& t, const Dims& axes, const Dims& order) {
  Groups groups;
  for (std::int64_t axis : order) {
    const std::int64_t n = t.shape()[static_cast<int>(axis)],
                       step = t.strides()[static_cast<int>(axis)];
    const bool reduced = contains(axes, axis);
    if (n == 1) continue;
    if (!groups.empty() && groups.back().reduced == reduced && groups.back().step == n * step)
      groups.back() = {groups.back().size * n, step, reduced};
    else
      groups.push_back({n, step, reduced});
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

// Is it one step, with at most one group on each side of the only reduced one?
bool one_step(const Groups& groups) {
  const std::size_t i = innermost_reduced(groups);
  const auto reduced =
      std::count_if(groups.begin(), groups.end(), [](const Group& g) { return g.reduced; });
  return reduced == 1 && i <= 1 && groups.size() - i <= 2;
}

// The step that reduces group i (groups.size(): none). The groups before i lie without gaps, and so
// do those behind it.
ReduceStep step_of(const Groups& groups, std::size_t i) {
  ReduceStep s{.outer = product(groups, 0, i)};
  if (i > 0) s.outer_step = groups[i - 1].step;
  if (i == groups.size()) return s;
  s.reduced = groups[i].size;
  s.reduced_step = groups[i].step;
  s.inner = product(groups, i + 1, groups.size());
  if (i + 1 < groups.size()) s.inner_step = groups[groups.size() - 1].step;
  return s;
}

// Without group i, as the result of its reduction lies in memory.
void erase(Groups& groups, std::size_t i) {
  for (; i + 1 < groups.size(); ++i) groups[i] = groups[i + 1];
  groups.pop_back();
  std::int64_t step = 1;
  for (std::size_t k = groups.size(); k-- > 0;) {
    groups[k].step = step;
    step *= groups[k].size;
  }
}

// Reduces group by group into `out`, whose elements lie in the memory order of the kept axes.
void reduce_groups(const Tensor& in, Groups groups, Tensor& out, const RunReduceStep& run) {
  Tensor source = in;
  for (bool first = true;; first = false) {
    const std::size_t i = innermost_reduced(groups);
    const ReduceStep step = step_of(groups, i);
    if (i < groups.size()) erase(groups, i);
    const bool last = innermost_reduced(groups) == groups.size();
    Tensor next = last ? out : Tensor::empty({step.outer * step.inner}, out.dtype(), out.device());
    run(source, next, step, first);
    if (last) return;
    source = next;
  }
}

// The kept axes in memory order.
Dims kept_in(const Dims& order, const Dims& axes) {
  Dims kept;
  for (std::int64_t axis : order)
    if (!contains(axes, axis)) kept.push_back(axis);
  return kept;
}

// Nothing to reduce, or nothing to reduce it to.
bool reduce_empty(const Tensor& in, Tensor& out, const RunReduceStep& run) {
  if (out.numel() == 0) return true;
  if (in.numel() != 0) return false;
  run(in, out, {.outer = out.numel(), .reduced = 0}, true);
  return true;
}

}  // namespace

void reduce_in_steps(const Tensor& in, const Dims& axes, Tensor& out, StepStrides strides,
                     const RunReduceStep& run) {
  if (reduce_empty(in, out, run)) return;
  Tensor source = in;
  Dims order = memory_order(source);
  Groups groups = groups_of(source, axes, order);
  const bool fits = strides == StepStrides::any && one_step(groups);
  if (!fits && !in.is_contiguous() && !in.is_dense()) {
    source = in.contiguous();
    order = memory_order(source);
    groups = groups_of(source, axes, order);
  }
  const Dims kept = kept_in(order, axes);
  if (std::is_sorted(kept.begin(), kept.end())) return reduce_groups(source, groups, out, run);
  Dims shape, packed_order;  // kept axes, renumbered without the reduced ones
  for (int i = 0; i < in.rank(); ++i)
    if (!contains(axes, i)) shape.push_back(in.shape()[i]);
  for (std::int64_t axis : kept)
    packed_order.push_back(
        std::count_if(kept.begin(), kept.end(), [&](auto other) { return other < axis; }));
  Tensor packed = Tensor::empty_ordered(shape, packed_order, out.dtype(), out.device());
  reduce_groups(source, groups, packed, run);
  out.copy_from(packed.reshape(out.shape()));
}

void reduce_in_one_step(const Tensor& in, const Dims& axes, Tensor& out, StepStrides strides,
                        const RunReduceStep& run) {
  if (reduce_empty(in, out, run)) return;
  const Dims order = memory_order(in), kept = kept_in(order, axes);
  const Groups groups = groups_of(in, axes, order);
  const bool fits = strides == StepStrides::any || in.is_contiguous() || in.is_dense();
  if (fits && one_step(groups) && std::is_sorted(kept.begin(), kept.end()))
    return run(in, out, step_of(groups, innermost_reduced(groups)), true);
  Dims rows_order;
  for (int i = 0; i < in.rank(); ++i)
    if (!contains(axes, i)) rows_order.push_back(i);
  for (std::int64_t axis : axes) rows_order.push_back(axis);
  const std::int64_t size = in.numel() / out.numel();
  run(in.permute(rows_order).contiguous(), out,
      {.outer = out.numel(), .reduced = size, .outer_step = size, .reduced_step = 1}, true);
}

}  // namespace sonde
