/// @file
/// From an op's operands to emit, for elementwise primitives without attributes: one static object
/// per primitive.
#pragma once

#include "autograd/promote.hpp"

namespace sonde {

/// P on x as it is.
template <class P>
Var call_unary(Operand x) {
  static const PrimitivePtr p = make_ref<P>();
  const std::source_location where = x.where;
  return emit1(p, make_vars(as_var(std::move(x))), where);
}

/// P on x; integers as f32.
template <class P>
Var call_float(Operand x) {
  const std::source_location where = x.where;
  return call_unary<P>({as_float(as_var(std::move(x))), where});
}

/// P on two operands of one dtype.
template <class P>
Var call_binary(Operand a, Operand b) {
  static const PrimitivePtr p = make_ref<P>();
  const std::source_location where = a.where;
  auto [x, y] = promote(std::move(a), std::move(b), P::id);
  return emit1(p, make_vars(std::move(x), std::move(y)), where);
}

}  // namespace sonde
