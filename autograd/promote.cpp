#include "autograd/promote.hpp"

#include <cmath>

#include "autograd/ops.hpp"

namespace sonde {
namespace {

// u8 < i32 < i64; bool below all.
int width(DType t) {
  return t == DType::boolean ? 0 : t == DType::u8 ? 1 : t == DType::i32 ? 2 : 3;
}

DType common(const Var& a, const Var& b, std::string_view op) {
  const DType x = a.dtype(), y = b.dtype();
  if (x == y) return x;
  if (is_float(x) && is_float(y))
    fail_hint(ErrorCode::dtype, op, "convert one with to(x, dtype)",
              "operands {} and {} differ in type", a.spec(), b.spec());
  if (is_float(x)) return x;
  if (is_float(y)) return y;
  return width(x) > width(y) ? x : y;
}

// The number beside `other`: of its dtype, or f32 where an integer type could not hold it.
Var number(double value, const Var& other) {
  const bool fits = is_float(other.dtype()) || value == std::floor(value);
  return Tensor::scalar(value, fits ? other.dtype() : DType::f32);
}

}  // namespace

Var as_var(Operand x) {
  return x.is_scalar() ? Var(Tensor::scalar(x.scalar)) : std::move(x.var);
}

std::pair<Var, Var> promote(Operand a, Operand b, std::string_view op) {
  if (a.is_scalar() && b.is_scalar()) return {as_var(std::move(a)), as_var(std::move(b))};
  Var x = a.is_scalar() ? number(a.scalar, b.var) : std::move(a.var);
  Var y = b.is_scalar() ? number(b.scalar, x) : std::move(b.var);
  if (x.dtype() != y.dtype()) {
    try {
      const DType t = common(x, y, op);
      x = to({std::move(x), a.where}, t);
      y = to({std::move(y), b.where}, t);
    } catch (Error& e) {
      e.at(a.where);
      throw;
    }
  }
  return {std::move(x), std::move(y)};
}

Device common_device(std::span<const Var> in, std::string_view op) {
  const Var* first = nullptr;
  for (const Var& v : in) {
    if (!v || (first && v.device() == first->device())) continue;
    if (v.rank() == 0 && v.device() == Device{}) continue;
    if (first)
      fail_hint(ErrorCode::device, op, "move one with to(device)", "operands {} and {}",
                first->spec(), v.spec());
    first = &v;
  }
  return first ? first->device() : Device{};
}

Var as_float(Var x) {
  return is_float(x.dtype()) ? x : to(std::move(x), DType::f32);
}

}  // namespace sonde
