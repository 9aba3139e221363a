#include "autograd/primitives/linalg_base.hpp"

namespace sonde::linalg {
namespace {

// [n,m] of zeros and ones: 1 strictly below (below) or above the diagonal, `diagonal` on it.
Var triangle_mask(const Var& like, bool below, double diagonal) {
  const Var row = unsqueeze(arange(like.size(-2), like.device()), 1);
  const Var column = arange(like.size(-1), like.device());
  const Var inside = to(below ? lt(column, row) : gt(column, row), like.dtype());
  return where(eq(row, column), diagonal, inside);
}

}  // namespace

std::pair<std::int64_t, std::int64_t> matrix_sizes(const Var& x, std::string_view op) {
  if (x.rank() < 2) fail(ErrorCode::shape, op, "{} is no matrix", x.spec());
  if (!is_differentiable(x.dtype()))
    fail_hint(ErrorCode::dtype, op, "convert with to(...)", "needs f32 or f64, not {}", x.spec());
  return {x.size(-2), x.size(-1)};
}

std::int64_t square_size(const Var& x, std::string_view op) {
  const auto [m, n] = matrix_sizes(x, op);
  if (m != n) fail(ErrorCode::shape, op, "{} is not square", x.spec());
  return n;
}

Dims batch_with(const Var& x, std::initializer_list<std::int64_t> sizes) {
  Dims shape;
  for (int i = 0; i < x.rank() - 2; ++i) shape.push_back(x.shape()[i]);
  for (std::int64_t n : sizes) shape.push_back(n);
  return shape;
}

Tensor by_columns(const Spec& spec) {
  Dims shape = spec.shape;
  std::swap(shape[shape.rank() - 1], shape[shape.rank() - 2]);
  return Tensor::empty(shape, spec.dtype, spec.device).transpose(-2, -1);
}

Var mt(const Var& x) {
  return transpose(x, -2, -1);
}
Var symmetric_part(const Var& x) {
  return mul(add(x, mt(x)), 0.5);
}

Var diagonal_of(const Var& x) {
  const std::int64_t n = x.size(-1);
  return slice(reshape(x, batch_with(x, {n * n})), -1, {}, {}, n + 1);
}

Var times_columns(const Var& x, const Var& d) {
  return mul(x, unsqueeze(d, -2));
}
Var times_rows(const Var& d, const Var& x) {
  return mul(unsqueeze(d, -1), x);
}
Var lower_part(const Var& x, double diagonal) {
  return mul(x, triangle_mask(x, true, diagonal));
}
Var upper_part(const Var& x, double diagonal) {
  return mul(x, triangle_mask(x, false, diagonal));
}
Var add_if(Var a, Var b) {
  return !a ? b : !b ? a : add(std::move(a), std::move(b));
}

Batched MatrixPrimitive::batch(const Vars& in, std::span<const int> axes, std::int64_t n) const {
  Vars args;
  for (std::size_t i = 0; i < in.size(); ++i) args.push_back(with_lanes(in[i], axes[i], n));
  Vars out = emit(self(), std::move(args));
  LaneAxes first;
  for (std::size_t i = 0; i < out.size(); ++i) first.push_back(0);
  return {std::move(out), first};
}

}  // namespace sonde::linalg
