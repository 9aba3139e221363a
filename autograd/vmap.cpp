#include "autograd/bases.hpp"
#include "autograd/batch.hpp"
#include "autograd/transforms.hpp"

namespace sonde {
namespace {

std::optional<int> axis_of(const Axes& axes, std::size_t i) {
  return axes.empty() ? std::optional<int>(0) : axes[i];
}

// The common number of lanes; every mapped argument must agree.
std::int64_t lane_count(const Vars& x, const Axes& axes, Site where) {
  if (!axes.empty() && axes.size() != x.size())
    throw Error(ErrorCode::axis, "vmap",
                fmt::format("{} in_axes for {} arguments", axes.size(), x.size()))
        .at(where);
  std::int64_t n = -1;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!x[i] || !axis_of(axes, i)) continue;
    const std::int64_t size = x[i].shape()[normal_axis(*axis_of(axes, i), x[i].rank(), "vmap")];
    if (n >= 0 && size != n)
      throw Error(ErrorCode::shape, "vmap",
                  fmt::format("argument {} has {} lanes, an earlier one {}", i, size, n))
          .at(where);
    n = size;
  }
  if (n < 0)
    throw Error(ErrorCode::axis, "vmap", "no argument is mapped", "give one an axis in in_axes")
        .at(where);
  return n;
}

// The lanes of one result at the axis asked for; results without lanes are broadcast.
Var result(const Batch& it, const Var& y, std::optional<int> axis, std::size_t i, Site where) {
  const Box* b = it.mine(y);
  if (!axis) {
    if (b)
      throw Error(ErrorCode::axis, "vmap", fmt::format("result {} differs between lanes", i),
                  "give it an axis in out_axes")
          .at(where);
    return y;
  }
  const Var first = b ? lanes_first(b->value, b->axis) : with_lanes(y, -1, it.lanes());
  const int target = normal_axis(*axis, first.rank(), "vmap");
  if (target == 0) return first;
  Dims order;
  for (int k = 1; k < first.rank(); ++k) order.push_back(k);
  order.insert(target, 0);
  return permute(first, order);
}

Vars run_lanes(const Function& f, const Vars& x, const VmapOptions& options, std::int64_t n,
               Site where) {
  Batch it(n, where);
  TransformScope scope(it);
  Vars in;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto axis = axis_of(options.in_axes, i);
    in.push_back(x[i] && axis ? it.box(x[i], normal_axis(*axis, x[i].rank(), "vmap")) : x[i]);
  }
  Vars out = f(in);
  if (!options.out_axes.empty() && options.out_axes.size() != out.size())
    throw Error(ErrorCode::axis, "vmap",
                fmt::format("{} out_axes for {} results", options.out_axes.size(), out.size()))
        .at(where);
  for (std::size_t i = 0; i < out.size(); ++i)
    if (out[i]) out[i] = result(it, out[i], axis_of(options.out_axes, i), i, where);
  return out;
}

Vars run_chunks(const Function& f, const Vars& x, const VmapOptions& options, std::int64_t n,
                Site where) {
  std::vector<Vars> parts;  // by result, then chunk
  for (std::int64_t begin = 0; begin < n; begin += options.chunk) {
    const std::int64_t end = std::min(n, begin + options.chunk);
    Vars some = x;
    for (std::size_t i = 0; i < x.size(); ++i)
      if (const auto axis = axis_of(options.in_axes, i); x[i] && axis)
        some[i] = slice(x[i], *axis, begin, end);
    Vars out = run_lanes(f, some, options, end - begin, where);
    parts.resize(out.size());
    for (std::size_t k = 0; k < out.size(); ++k) parts[k].push_back(std::move(out[k]));
  }
  Vars joined;
  for (std::size_t k = 0; k < parts.size(); ++k) {
    const auto axis = axis_of(options.out_axes, k);
    joined.push_back(axis && parts[k][0] ? concat(parts[k], *axis) : parts[k][0]);
  }
  return joined;
}

}  // namespace

Function vmap(Function f, VmapOptions options, Site where) {
  if (options.chunk < 0)
    throw Error(ErrorCode::value, "vmap", fmt::format("chunk is {}", options.chunk),
                "0 means all at once")
        .at(where);
  return [f = std::move(f), options = std::move(options), where](const Vars& x) -> Vars {
    const std::int64_t n = lane_count(x, options.in_axes, where);
    const bool whole = options.chunk == 0 || options.chunk >= n;
    return whole ? run_lanes(f, x, options, n, where) : run_chunks(f, x, options, n, where);
  };
}

}  // namespace sonde
