/// @file
/// What kernels of rows share: see tensor/rows.hpp.
#pragma once

#include "tensor/rows.hpp"

namespace sonde::cpu {

/// Calls f(T{}) with T = float or double, whichever `t` is.
template <class F>
void visit_float(DType t, F&& f) {
  t == DType::f32 ? f(float{}) : f(double{});
}

/// Rows per parallel chunk: a chunk is worth some 20 us.
inline std::int64_t row_grain(std::int64_t row_size) {
  constexpr std::int64_t elements = 1 << 14;
  return elements / (row_size > 0 ? row_size : 1) + 1;
}

}  // namespace sonde::cpu
