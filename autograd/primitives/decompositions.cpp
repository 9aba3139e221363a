// Cholesky, symmetric eigenvalues, singular values, QR. A' is the transpose, * the product element
// by element.
#include <cmath>

#include "autograd/primitives/linalg_base.hpp"
#include "autograd/promote.hpp"

namespace sonde {
namespace {

using namespace linalg;

// L L' = A: dL = L P(L^-1 dA L^-T), where P takes the lower triangle with half the diagonal.
class Cholesky final : public Named<Cholesky, MatrixPrimitive> {
 public:
  static constexpr std::string_view id = "cholesky";
  void infer(std::span<const Var> in, Specs& out) const override {
    square_size(in[0], id);
    out.emplace_back(in[0].spec());
  }
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    Tensor l = Tensor::empty(out[0].shape, out[0].dtype, out[0].device);
    kernels::cholesky.find(out[0].device, out[0].dtype)(in[0], l);
    return make_vars(Var(l));
  }
  Vars jvp(const Vars&, const Vars& out, const Vars& t) const override {
    const Var half = triangular_solve(out[0], t[0]);  // L^-1 dA
    return {matmul(out[0], lower_part(mt(triangular_solve(out[0], mt(half))), 0.5))};
  }
  // dA = L^-T P(L' dL) L^-1, made symmetric as A is.
  Vars vjp(const Vars&, const Vars& out, const Vars& ct, Needs) const override {
    const Var middle = lower_part(matmul(out[0], ct[0], {.a = true}), 0.5);
    const Var left = triangular_solve(out[0], middle, {.transposed = true});
    return {symmetric_part(mt(triangular_solve(out[0], mt(left), {.transposed = true})))};
  }
  Saves saves() const override { return Saves::only_outputs(); }
};

// F[i,j] = 1 / (w[j] - w[i]), 0 on the diagonal and NaN where two different values are equal.
Var inverse_gaps(const Var& w);

// Its derivative is -F * F * (dw[j] - dw[i]).
class InverseGaps final : public Named<InverseGaps, Primitive> {
 public:
  static constexpr std::string_view id = "inverse_gaps";
  void infer(std::span<const Var> in, Specs& out) const override {
    Spec spec = in[0].spec();
    spec.shape.push_back(spec.shape.back());
    numel(spec.shape);
    out.emplace_back(spec);
  }
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    const Var w = to(Var(in[0]), DType::f64), gap = sub(unsqueeze(w, -2), unsqueeze(w, -1));
    const Var equal = eq(gap, 0.0), f = div(1.0, where(equal, 1.0, gap));
    const Var at = arange(in[0].size(-1), in[0].device()), same = eq(unsqueeze(at, 1), at);
    return make_vars(to(where(same, 0.0, where(equal, std::nan(""), f)), out[0].dtype));
  }
  Vars jvp(const Vars&, const Vars& out, const Vars& t) const override {
    return {neg(mul(mul(out[0], out[0]), sub(unsqueeze(t[0], -2), unsqueeze(t[0], -1))))};
  }
  Vars vjp(const Vars&, const Vars& out, const Vars& ct, Needs) const override {
    const Var x = mul(mul(out[0], out[0]), ct[0]);
    return {sub(sum(x, {-1}), sum(x, {-2}))};
  }
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t) const override {
    return {make_vars(inverse_gaps(lanes_first(in[0], axes[0]))), {0}};
  }
  Saves saves() const override { return Saves::only_outputs(); }
};

Var inverse_gaps(const Var& w) {
  static const PrimitivePtr p = make_ref<InverseGaps>();
  return emit1(p, make_vars(w));
}

// dA in the basis of the eigenvectors, P = V' dA V: dw = diag P, dV = V (F * P).
class EighPrimitive final : public Named<EighPrimitive, MatrixPrimitive> {
 public:
  static constexpr std::string_view id = "eigh";
  void infer(std::span<const Var> in, Specs& out) const override {
    const std::int64_t n = square_size(in[0], id);
    out.emplace_back(Spec{batch_with(in[0], {n}), in[0].dtype(), in[0].device()});
    out.emplace_back(in[0].spec());
  }
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    Tensor w = Tensor::empty(out[0].shape, out[0].dtype, out[0].device), v = by_columns(out[1]);
    kernels::eigh.find(out[0].device, out[0].dtype)(in[0], w, v);
    return make_vars(Var(w), Var(v));
  }
  Vars jvp(const Vars&, const Vars& out, const Vars& t) const override {
    const Var p = matmul(matmul(out[1], t[0], {.a = true}), out[1]);
    return {diagonal_of(p), matmul(out[1], mul(inverse_gaps(out[0]), p))};
  }
  Vars vjp(const Vars&, const Vars& out, const Vars& ct, Needs) const override {
    const Var& v = out[1];
    Var inner = ct[1] ? matmul(v, mul(inverse_gaps(out[0]), matmul(v, ct[1], {.a = true}))) : Var();
    if (ct[0]) inner = add_if(times_columns(v, ct[0]), std::move(inner));
    return {symmetric_part(matmul(inner, v, {.b = true}))};
  }
  Saves saves() const override { return Saves::only_outputs(); }
};

// With P = U' dA V and F of the squares of s: ds = diag P, dU = U (F * (P S + S P')) + (1 - U U')
// dA V S^-1, and V alike. J. Townsend, Differentiating the singular value decomposition (2016).
class SvdPrimitive final : public Named<SvdPrimitive, MatrixPrimitive> {
 public:
  static constexpr std::string_view id = "svd";
  void infer(std::span<const Var> in, Specs& out) const override {
    const auto [m, n] = matrix_sizes(in[0], id);
    const std::int64_t k = std::min(m, n);
    for (const Dims& shape :
         {batch_with(in[0], {m, k}), batch_with(in[0], {k}), batch_with(in[0], {k, n})})
      out.emplace_back(Spec{shape, in[0].dtype(), in[0].device()});
  }
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    Tensors t;
    for (const Spec& s : out) t.push_back(Tensor::empty(s.shape, s.dtype, s.device));
    kernels::svd.find(out[0].device, out[0].dtype)(in[0], t[0], t[1], t[2]);
    return make_vars(Var(t[0]), Var(t[1]), Var(t[2]));
  }
  Vars jvp(const Vars&, const Vars& out, const Vars& t) const override {
    const Var &u = out[0], &s = out[1], v = mt(out[2]), f = inverse_gaps(mul(s, s));
    const Var av = matmul(t[0], v), atu = matmul(t[0], u, {.a = true}),
              p = matmul(u, av, {.a = true});
    const Var ps = times_columns(p, s), sp = times_rows(s, p);
    Var du = matmul(u, mul(f, add(ps, mt(ps)))), dv = matmul(v, mul(f, add(sp, mt(sp))));
    if (u.size(-2) > u.size(-1)) du = add(du, times_columns(outside(u, av), div(1.0, s)));
    if (v.size(-2) > v.size(-1)) dv = add(dv, times_columns(outside(v, atu), div(1.0, s)));
    return {du, diagonal_of(p), mt(dv)};
  }
  Vars vjp(const Vars&, const Vars& out, const Vars& ct, Needs) const override {
    const Var &u = out[0], &s = out[1], &vt = out[2];
    Var core, left, right;  // dA = (U core + left) V' + U right'
    if (ct[0] || ct[2]) {
      const Var f = inverse_gaps(mul(s, s));
      if (ct[0]) core = times_columns(mul(f, antisymmetric(matmul(u, ct[0], {.a = true}))), s);
      if (ct[2])
        core = add_if(core, times_rows(s, mul(f, antisymmetric(matmul(vt, ct[2], {.b = true})))));
    }
    if (ct[0] && u.size(-2) > u.size(-1)) left = times_columns(outside(u, ct[0]), div(1.0, s));
    if (ct[2] && vt.size(-1) > vt.size(-2))
      right = times_columns(outside(mt(vt), mt(ct[2])), div(1.0, s));
    Var columns = core ? matmul(u, core) : Var();
    if (ct[1]) columns = add_if(times_columns(u, ct[1]), std::move(columns));
    columns = add_if(std::move(columns), std::move(left));
    return {add_if(matmul(columns, vt), right ? matmul(u, right, {.b = true}) : Var())};
  }
  Saves saves() const override { return Saves::only_outputs(); }

 private:
  static Var antisymmetric(const Var& x) { return sub(x, mt(x)); }
  // (1 - Q Q') x
  static Var outside(const Var& q, const Var& x) {
    return sub(x, matmul(q, matmul(q, x, {.a = true})));
  }
};

// For m >= n. With C = dA R^-1, M = Q' C and the antisymmetric W = L(M) - L(M)' (L: below the
// diagonal): dR = (M - W) R, dQ = Q W + C - Q M. S. Walter and L. Lehmann, arXiv:1009.6112.
class QrPrimitive final : public Named<QrPrimitive, MatrixPrimitive> {
 public:
  static constexpr std::string_view id = "qr";
  void infer(std::span<const Var> in, Specs& out) const override {
    const auto [m, n] = matrix_sizes(in[0], id);
    if (m < n) fail(ErrorCode::shape, id, "{} has fewer rows than columns", in[0].spec());
    out.emplace_back(in[0].spec());
    out.emplace_back(Spec{batch_with(in[0], {n, n}), in[0].dtype(), in[0].device()});
  }
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    Tensor q = by_columns(out[0]), r = Tensor::empty(out[1].shape, out[1].dtype, out[1].device);
    kernels::qr.find(out[0].device, out[0].dtype)(in[0], q, r);
    return make_vars(Var(q), Var(r));
  }
  Vars jvp(const Vars&, const Vars& out, const Vars& t) const override {
    const Var &q = out[0], &r = out[1], c = over(t[0], r, true), m = matmul(q, c, {.a = true});
    const Var below = lower_part(m, 0), turn = sub(below, mt(below));
    return {add(c, matmul(q, sub(turn, m))), matmul(sub(m, turn), r)};
  }
  // dA = (dQ + Q S) R^-T with S the lower triangle of R dR' - dQ' Q mirrored to the upper one.
  Vars vjp(const Vars&, const Vars& out, const Vars& ct, Needs) const override {
    const Var &q = out[0], &r = out[1];
    Var m = ct[1] ? matmul(r, ct[1], {.b = true}) : Var();
    if (ct[0]) m = add_if(std::move(m), neg(matmul(ct[0], q, {.a = true})));
    const Var mirrored = add(lower_part(m), mt(lower_part(m, 0)));
    return {over(add_if(ct[0], matmul(q, mirrored)), r, false)};
  }
  Saves saves() const override { return Saves::only_outputs(); }

 private:
  // x R^-1, or x R^-T.
  static Var over(const Var& x, const Var& r, bool transposed) {
    return mt(triangular_solve(r, mt(x), {.lower = false, .transposed = transposed}));
  }
};

template <class P>
Vars decompose(Operand a, bool symmetric) {
  static const PrimitivePtr p = make_ref<P>();
  const std::source_location where = a.where;
  Var x = as_var(std::move(a));
  if (symmetric && x.rank() >= 2 && x.size(-1) == x.size(-2) && is_differentiable(x.dtype()))
    x = symmetric_part(x);
  return emit(p, make_vars(std::move(x)), where);
}

}  // namespace

Var cholesky(Operand a) {
  return decompose<Cholesky>(std::move(a), true)[0];
}

Eigh eigh(Operand a) {
  Vars out = decompose<EighPrimitive>(std::move(a), true);
  return {out[0], out[1]};
}

Svd svd(Operand a) {
  Vars out = decompose<SvdPrimitive>(std::move(a), false);
  return {out[0], out[1], out[2]};
}

// A wide matrix [X, Y] with X square is X = Q R1, R = [R1, Q' Y].
Qr qr(Operand a) {
  if (a.is_scalar() || a.var.rank() < 2 || a.var.size(-2) >= a.var.size(-1)) {
    Vars out = decompose<QrPrimitive>(std::move(a), false);
    return {out[0], out[1]};
  }
  const std::int64_t rows = a.var.size(-2);
  const Qr square = qr({slice(a, -1, 0, rows), a.where});
  const Var rest = matmul(square.q, slice(a, -1, rows, {}), {.a = true});
  return {square.q, concat({square.r, rest}, -1, a.where)};
}

}  // namespace sonde
