/// @file
/// Reductions. `axes` may be negative; an empty list means all axes; with `keepdim` reduced axes
/// stay with size 1.
#pragma once

#include "autograd/primitive.hpp"

namespace sonde {

/// Sum over `axes`; Error(axis). Integers and bool sum in i64.
Var sum(Operand x, const Dims& axes = {}, bool keepdim = false);
/// Mean over `axes`; integers as f32. NaN if there is no element.
Var mean(Operand x, const Dims& axes = {}, bool keepdim = false);
/// deviance / (n - correction): correction 1 is unbiased for independent samples. NaN or infinite
/// if n <= correction.
Var var(Operand x, const Dims& axes = {}, double correction = 1, bool keepdim = false);
/// Square root of var; its derivative is not finite where var is 0.
Var std(Operand x, const Dims& axes = {}, double correction = 1, bool keepdim = false);
/// Sum over `axes` of the squared deviations from their mean, added up in f64: var is this over n -
/// correction. Error(dtype) unless f32 or f64.
Var deviance(Operand x, const Dims& axes = {}, bool keepdim = false);
/// Product over `axes`; integers in i64. Derivatives of every order are right with any number of
/// zeros.
Var prod(Operand x, const Dims& axes = {}, bool keepdim = false);
/// Largest and smallest element over `axes`; ties share the derivative evenly. Error(shape) if
/// there is no element.
Var amax(Operand x, const Dims& axes = {}, bool keepdim = false);
Var amin(Operand x, const Dims& axes = {}, bool keepdim = false);

struct Extreme {
  Var values, indices;  ///< indices are i64 and carry no derivative
};
/// First largest (smallest) element along `axis` and its position; the derivative belongs to it
/// alone.
Extreme max(Operand x, std::int64_t axis, bool keepdim = false);
Extreme min(Operand x, std::int64_t axis, bool keepdim = false);
/// i64 position of the first largest (smallest) element along `axis`. Error(shape) if there is no
/// element.
Var argmax(Operand x, std::int64_t axis, bool keepdim = false);
Var argmin(Operand x, std::int64_t axis, bool keepdim = false);

/// Is any (are all) of the elements not zero? bool.
Var any(Operand x, const Dims& axes = {}, bool keepdim = false);
Var all(Operand x, const Dims& axes = {}, bool keepdim = false);

/// log sum e^x over `axes`, without overflow.
Var logsumexp(Operand x, const Dims& axes = {}, bool keepdim = false);
/// (sum |x|^p)^(1/p) over `axes`; p may be infinite. The derivative at 0 is 0. Error(value) unless
/// p > 0.
Var norm(Operand x, double p = 2, const Dims& axes = {}, bool keepdim = false);
/// Running sums along `axis`, from its end if `reverse`. Integers in i64.
Var cumsum(Operand x, std::int64_t axis, bool reverse = false);

}  // namespace sonde
