/// @file
/// Lanes folded into the leading axis: how row-wise and fused operations keep their one kernel
/// under vmap.
#pragma once

#include "autograd/bases.hpp"

namespace sonde {

/// `v` with its lanes merged into the first of its own axes: [a, ...] becomes [n a, ...]. Without
/// lanes it is broadcast.
inline Var fold_lanes(const Var& v, int axis, std::int64_t n) {
  const Var wide = with_lanes(v, axis, n);
  Dims shape = wide.shape();
  shape[1] = checked_mul(shape[0], shape[1]);
  shape.erase(0);
  return reshape(wide, shape);
}

/// The way back: [n a, ...] becomes [n, a, ...], the lanes in front.
inline Var unfold_lanes(const Var& v, std::int64_t n) {
  Dims shape = v.shape();
  shape[0] = n == 0 ? 0 : shape[0] / n;
  shape.insert(0, n);
  return reshape(v, shape);
}

}  // namespace sonde
