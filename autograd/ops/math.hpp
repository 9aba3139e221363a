/// @file
/// Functions of numbers, element by element, with PyTorch's names. Integers become f32 unless the
/// result is an integer again (abs, sign, square, floor, ..., and operations on two integers); two
/// operands broadcast and promote as in arithmetic.hpp.
#pragma once

#include "autograd/primitive.hpp"

namespace sonde {

Var exp(Operand x);
/// e^x - 1, without cancellation near 0.
Var expm1(Operand x);
Var log(Operand x);
/// log(1 + x), without cancellation near 0.
Var log1p(Operand x);
Var sqrt(Operand x);
/// 1 / sqrt(x)
Var rsqrt(Operand x);
/// 1 / x
Var reciprocal(Operand x);
Var square(Operand x);
Var sin(Operand x);
Var cos(Operand x);
Var tan(Operand x);
Var sinh(Operand x);
Var cosh(Operand x);
Var tanh(Operand x);
Var asin(Operand x);
Var acos(Operand x);
Var atan(Operand x);
/// Error function, and 1 - erf(x) without cancellation for large x.
Var erf(Operand x);
Var erfc(Operand x);
/// |x|; the derivative at 0 is 0.
Var abs(Operand x);
/// -1, 0 or 1 (0 for NaN). Its derivative is zero, as are those of the four below.
Var sign(Operand x);
Var floor(Operand x);
Var ceil(Operand x);
/// To the nearest integer, ties to even.
Var round(Operand x);
Var trunc(Operand x);

/// a^b. With an integer a and b negative powers truncate to 0.
Var pow(Operand a, Operand b);
/// The larger (smaller) operand; NaN wins; at a tie each takes half of the derivative.
Var maximum(Operand a, Operand b);
Var minimum(Operand a, Operand b);
/// Angle of the point (x, y) in [-pi, pi].
Var atan2(Operand y, Operand x);
/// a - b trunc(a / b): the sign of a.
Var fmod(Operand a, Operand b);
/// a - b floor(a / b): the sign of b, as Python's %.
Var remainder(Operand a, Operand b);
/// x limited to [min, max]; a bound may be infinite. NaN stays. The derivative is 1 on the closed
/// interval.
Var clamp(Operand x, double min, double max);

}  // namespace sonde
