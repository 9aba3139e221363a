// Statistics: compositions of reductions.
#include <algorithm>
#include <cmath>

#include "autograd/bases.hpp"
#include "autograd/promote.hpp"

namespace sonde {
namespace {

Operand as_float(Operand x) {
  const std::source_location where = x.where;
  return {as_float(as_var(std::move(x))), where};
}

// A double: the sizes of an empty tensor may multiply to more than an integer holds.
double count(const Var& x, const Dims& axes, std::string_view op) {
  double n = 1;
  for (std::int64_t a : normal_axes(axes, x.rank(), op)) n *= static_cast<double>(x.size(a));
  return n;
}

// The value at position `indices` along `axis`; the derivative is that of a choice.
Extreme pick(const Var& x, Var indices, std::int64_t axis, bool keepdim) {
  const int a = normal_axis(axis, x.rank(), "max");
  Dims line = Dims::filled(x.rank(), 1);
  line[a] = x.shape()[a];
  const Var all = reshape(arange(line[a], x.device()), line);
  Var values = sum(where(eq(all, indices), x, 0.0), {a}, true);
  if (values.dtype() != x.dtype()) values = to(std::move(values), x.dtype());
  if (keepdim) return {std::move(values), std::move(indices)};
  return {squeeze(std::move(values), a), squeeze(std::move(indices), a)};
}

}  // namespace

Var mean(Operand x, const Dims& axes, bool keepdim) {
  x = as_float(std::move(x));
  const double n = count(x.var, axes, "mean");
  return div(sum(std::move(x), axes, keepdim), n);
}

Var var(Operand x, const Dims& axes, double correction, bool keepdim) {
  x = as_float(std::move(x));
  const double n = count(x.var, axes, "var");
  return div(deviance(std::move(x), axes, keepdim), std::fmax(n - correction, 0));
}

Var std(Operand x, const Dims& axes, double correction, bool keepdim) {
  return sqrt(var(std::move(x), axes, correction, keepdim));
}

Extreme max(Operand x, std::int64_t axis, bool keepdim) {
  const Var v = as_var(x);
  return pick(v, argmax(std::move(x), axis, true), axis, keepdim);
}

Extreme min(Operand x, std::int64_t axis, bool keepdim) {
  const Var v = as_var(x);
  return pick(v, argmin(std::move(x), axis, true), axis, keepdim);
}

Var logsumexp(Operand x, const Dims& axes, bool keepdim) {
  x = as_float(std::move(x));
  const std::source_location where = x.where;
  if (x.var.numel() == 0) return log(sum(exp(std::move(x)), axes, keepdim));  // log 0
  // Any finite shift gives the same result; the largest element keeps e^x from overflowing.
  const Var top = stop_gradient(amax(x, axes, true));
  const Var shift = sonde::where(isfinite(top), top, 0.0);
  const Var total = log(sum(exp(sub(x, shift)), axes, true));
  const Var y = add(total, shift);
  if (keepdim) return y;
  Dims shape;
  const Dims gone = normal_axes(axes, y.rank(), "logsumexp");
  for (int i = 0; i < y.rank(); ++i)
    if (std::find(gone.begin(), gone.end(), i) == gone.end()) shape.push_back(y.shape()[i]);
  return reshape({y, where}, shape);
}

Var norm(Operand x, double p, const Dims& axes, bool keepdim) {
  if (!(p > 0)) fail(ErrorCode::value, "norm", "p = {} is not positive", p);
  x = as_float(std::move(x));
  if (std::isinf(p)) return amax(abs(std::move(x)), axes, keepdim);
  if (p == 1) return sum(abs(std::move(x)), axes, keepdim);
  // Where the sum is 0 the root has no derivative; the unused branch is kept away from it.
  const Var total = sum(p == 2 ? square(std::move(x)) : pow(abs(std::move(x)), p), axes, keepdim);
  const Var zero = eq(total, 0.0), safe = where(zero, 1.0, total);
  return where(zero, 0.0, p == 2 ? sqrt(safe) : pow(safe, 1 / p));
}

}  // namespace sonde
