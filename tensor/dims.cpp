#include "tensor/dims.hpp"

#include <algorithm>

namespace sonde {

std::int64_t numel(const Dims& shape) {
  std::int64_t n = 1;
  bool zero = false;
  for (std::int64_t d : shape) {
    if (d < 0) fail(ErrorCode::value, "shape", "negative size in {}", shape);
    zero |= d == 0;
    if (d != 0) n = checked_mul(n, d);
  }
  return zero ? 0 : n;
}

Dims contiguous_strides(const Dims& shape) {
  Dims strides = shape;
  std::int64_t step = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    strides[i] = step;
    step = checked_mul(step, std::max<std::int64_t>(shape[i], 1));
  }
  return strides;
}

Dims broadcast_shapes(const Dims& a, const Dims& b, std::string_view op) {
  const Dims& longer = a.rank() >= b.rank() ? a : b;
  const Dims& shorter = a.rank() >= b.rank() ? b : a;
  Dims out = longer;
  const int offset = longer.rank() - shorter.rank();
  for (int i = 0; i < shorter.rank(); ++i) {
    const std::int64_t x = longer[offset + i], y = shorter[i];
    if (x != y && x != 1 && y != 1)
      fail_hint(ErrorCode::broadcast, op, "sizes must be equal or 1, aligned at the right",
                "shapes {} and {} do not broadcast ({} != {} at axis {} of the result)", a, b, x, y,
                offset + i);
    if (x == 1) out[offset + i] = y;
  }
  return out;
}

int normal_axis(std::int64_t axis, int rank, std::string_view op) {
  if (axis < -rank || axis >= rank)
    fail(ErrorCode::axis, op, "axis {} is out of range for rank {}", axis, rank);
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

Dims normal_axes(const Dims& axes, int rank, std::string_view op, bool empty_is_all) {
  Dims out;
  if (axes.empty() && empty_is_all)
    for (int i = 0; i < rank; ++i) out.push_back(i);
  for (std::int64_t axis : axes) {
    const int a = normal_axis(axis, rank, op);
    if (std::find(out.begin(), out.end(), a) != out.end())
      fail(ErrorCode::axis, op, "axis {} is named twice in {}", axis, axes);
    out.push_back(a);
  }
  return out;
}

std::string to_string(const Dims& dims) {
  std::string s = "[";
  for (int i = 0; i < dims.rank(); ++i) s += (i ? "," : "") + std::to_string(dims[i]);
  return s + "]";
}

}  // namespace sonde
