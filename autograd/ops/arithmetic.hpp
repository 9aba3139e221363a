/// @file
/// Arithmetic with broadcasting. Numbers take the dtype of the tensor beside them; integers meet
/// floats as floats; two different float types are an Error(dtype); shapes that do not broadcast an
/// Error(broadcast).
#pragma once

#include "autograd/primitive.hpp"

namespace sonde {

Var neg(Operand x);
Var add(Operand a, Operand b);
Var sub(Operand a, Operand b);
Var mul(Operand a, Operand b);
/// a / b; integers are divided as f32.
Var div(Operand a, Operand b);
/// x converted to `dtype`; x itself if it has it. Differentiable between f32 and f64.
Var to(Operand x, DType dtype);
/// x on `device`; x itself if it is there. See Tensor::to.
Var to(Operand x, Device device);
/// x, but no derivative passes through.
Var stop_gradient(Operand x);

inline Var operator-(Operand x) {
  return neg(std::move(x));
}
inline Var operator+(Operand a, Operand b) {
  return add(std::move(a), std::move(b));
}
inline Var operator-(Operand a, Operand b) {
  return sub(std::move(a), std::move(b));
}
inline Var operator*(Operand a, Operand b) {
  return mul(std::move(a), std::move(b));
}
inline Var operator/(Operand a, Operand b) {
  return div(std::move(a), std::move(b));
}

}  // namespace sonde
