/// @file
/// Comparisons, logic and choice. Results are bool and carry no derivative; operands broadcast and
/// promote.
#pragma once

#include "autograd/primitive.hpp"

namespace sonde {

Var eq(Operand a, Operand b);
Var ne(Operand a, Operand b);
Var lt(Operand a, Operand b);
Var le(Operand a, Operand b);
Var gt(Operand a, Operand b);
Var ge(Operand a, Operand b);
/// Non-zero counts as true.
Var logical_not(Operand x);
Var logical_and(Operand a, Operand b);
Var logical_or(Operand a, Operand b);
Var logical_xor(Operand a, Operand b);
Var isnan(Operand x);
Var isinf(Operand x);
Var isfinite(Operand x);
/// Elements of `a` where `condition` (bool) holds, of `b` elsewhere; all three broadcast.
/// Error(dtype, broadcast).
Var where(Operand condition, Operand a, Operand b);
/// Are a and b equal within |a - b| <= atol + rtol |b|, element by element? Infinities equal
/// themselves, NaN if told so. Data only: Error(escaped) for values inside a transform.
bool allclose(Operand a, Operand b, double rtol = 1e-5, double atol = 1e-8, bool equal_nan = false);

inline Var operator<(Operand a, Operand b) {
  return lt(std::move(a), std::move(b));
}
inline Var operator<=(Operand a, Operand b) {
  return le(std::move(a), std::move(b));
}
inline Var operator>(Operand a, Operand b) {
  return gt(std::move(a), std::move(b));
}
inline Var operator>=(Operand a, Operand b) {
  return ge(std::move(a), std::move(b));
}

}  // namespace sonde
