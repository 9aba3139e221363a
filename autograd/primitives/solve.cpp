// Linear equations, inverses and determinants.
#include "autograd/primitives/linalg_base.hpp"
#include "autograd/promote.hpp"

namespace sonde {
namespace {

using namespace linalg;

// [batch.., m, k] with the leading axis first as more columns: [n, batch.., m, k] -> [batch.., m, n
// * k].
Var lead_to_columns(const Var& x) {
  Dims order;
  for (int i = 1; i < x.rank() - 1; ++i) order.push_back(i);
  order.push_back(0);
  order.push_back(x.rank() - 1);
  Dims shape;
  for (int i = 1; i < x.rank() - 1; ++i) shape.push_back(x.shape()[i]);
  shape.push_back(x.size(0) * x.size(-1));
  return reshape(permute(x, order), shape);
}
// Its inverse, but the axis of size n stays where it is: before the last.
Var columns_to_axis(const Var& x, std::int64_t n, std::int64_t k) {
  Dims shape = x.shape();
  shape[shape.rank() - 1] = n;
  shape.push_back(k);
  return reshape(x, shape);
}

// op(A) X = B for one kind of matrix. Both operands have the same batch axes.
class System : public MatrixPrimitive {
 public:
  void infer(std::span<const Var> in, Specs& out) const override {
    const std::int64_t n = square_size(in[0], name());
    const std::int64_t rows = matrix_sizes(in[1], name()).first;
    if (rows != n || !(batch_with(in[0], {}) == batch_with(in[1], {})))
      fail(ErrorCode::shape, name(), "matrix {} and right-hand side {} do not fit", in[0].spec(),
           in[1].spec());
    if (in[0].dtype() != in[1].dtype())
      fail_hint(ErrorCode::dtype, name(), "convert one with to(...)", "operands {} and {}",
                in[0].spec(), in[1].spec());
    out.emplace_back(in[1].spec());
  }
  // d(op(A)) X + op(A) dX = dB
  Vars jvp(const Vars& in, const Vars& out, const Vars& t) const override {
    Var right = t[1];
    if (t[0])
      right = add_if(std::move(right), neg(matmul(part(t[0]), out[0], {.a = transposed()})));
    return {again(in[0], right, false)};
  }
  // dB = op(A)^-T dX, d(op(A)) = -dB X'
  Vars vjp(const Vars& in, const Vars& out, const Vars& ct, Needs needs) const override {
    const Var b = again(in[0], ct[0], true);
    if (!needs[0]) return {Var(), b};
    const Var &left = transposed() ? out[0] : b, &right = transposed() ? b : out[0];
    return {part(neg(matmul(left, right, {.b = true}))), needs[1] ? b : Var()};
  }
  Saves saves() const override { return {0b01, 0b1}; }
  // One matrix for all lanes: the lanes are more columns, and A is factored once.
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t n) const override {
    if (axes[0] >= 0) return MatrixPrimitive::batch(in, axes, n);
    const Var b = lanes_first(in[1], axes[1]);
    const Var x = again(in[0], lead_to_columns(b), false);
    return {make_vars(columns_to_axis(x, n, b.size(-1))), {x.rank() - 1}};
  }

 protected:
  virtual bool transposed() const = 0;
  /// The same system for other right-hand sides, with op(A) or its transpose.
  virtual Var again(const Var& a, const Var& b, bool flipped) const = 0;
  /// The elements of a matrix that this kind of system reads.
  virtual Var part(const Var& a) const = 0;
};

class TriangularSolve final : public Named<TriangularSolve, System> {
 public:
  static constexpr std::string_view id = "triangular_solve";
  explicit TriangularSolve(kernels::Triangle t) : t_(t) {}
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    Tensor x = Tensor::empty(out[0].shape, out[0].dtype, out[0].device);
    kernels::triangular_solve.find(out[0].device, out[0].dtype)(in[0], in[1], t_, x);
    return make_vars(Var(x));
  }
  std::string attributes() const override {
    return fmt::format("lower={}, transposed={}, unit={}", t_.lower, t_.transposed, t_.unit);
  }

 protected:
  bool transposed() const override { return t_.transposed; }
  Var again(const Var& a, const Var& b, bool flipped) const override {
    kernels::Triangle t = t_;
    t.transposed ^= flipped;
    return emit1(make_ref<TriangularSolve>(t), make_vars(a, b));
  }
  Var part(const Var& a) const override {
    return t_.lower ? lower_part(a, t_.unit ? 0 : 1) : upper_part(a, t_.unit ? 0 : 1);
  }

 private:
  kernels::Triangle t_;
};

class Solve final : public Named<Solve, System> {
 public:
  static constexpr std::string_view id = "solve";
  explicit Solve(bool transposed) : transposed_(transposed) {}
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    Tensor x = by_columns(out[0]);
    kernels::solve.find(out[0].device, out[0].dtype)(in[0], in[1], transposed_, x);
    return make_vars(Var(x));
  }
  std::string attributes() const override { return fmt::format("transposed={}", transposed_); }

 protected:
  bool transposed() const override { return transposed_; }
  Var again(const Var& a, const Var& b, bool flipped) const override {
    return emit1(make_ref<Solve>(transposed_ ^ flipped), make_vars(a, b));
  }
  Var part(const Var& a) const override { return a; }

 private:
  bool transposed_;
};

// d(X) = -X dA X
class Inverse final : public Named<Inverse, MatrixPrimitive> {
 public:
  static constexpr std::string_view id = "inv";
  void infer(std::span<const Var> in, Specs& out) const override {
    square_size(in[0], id);
    out.emplace_back(in[0].spec());
  }
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    Tensor x = Tensor::empty(out[0].shape, out[0].dtype, out[0].device);
    kernels::inverse.find(out[0].device, out[0].dtype)(in[0], x);
    return make_vars(Var(x));
  }
  Vars jvp(const Vars&, const Vars& out, const Vars& t) const override {
    return {neg(matmul(matmul(out[0], t[0]), out[0]))};
  }
  Vars vjp(const Vars&, const Vars& out, const Vars& ct, Needs) const override {
    return {neg(matmul(matmul(out[0], ct[0], {.a = true}), out[0], {.b = true}))};
  }
  Saves saves() const override { return Saves::only_outputs(); }
};

// d log|det A| = tr(A^-1 dA)
Var trace_with_inverse(const Var& a, const Var& t) {
  return sum(mul(mt(inv(a)), t), {-2, -1});
}
// c A^-T for one number c per matrix.
Var scaled_cofactors(const Var& a, const Var& c) {
  return mul(unsqueeze(unsqueeze(c, -1), -1), mt(inv(a)));
}

class Det final : public Named<Det, MatrixPrimitive> {
 public:
  static constexpr std::string_view id = "det";
  void infer(std::span<const Var> in, Specs& out) const override {
    square_size(in[0], id);
    out.emplace_back(Spec{batch_with(in[0], {}), in[0].dtype(), in[0].device()});
  }
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    Tensor d = Tensor::empty(out[0].shape, out[0].dtype, out[0].device);
    kernels::det.find(out[0].device, out[0].dtype)(in[0], d);
    return make_vars(Var(d));
  }
  Vars jvp(const Vars& in, const Vars& out, const Vars& t) const override {
    return {mul(out[0], trace_with_inverse(in[0], t[0]))};
  }
  Vars vjp(const Vars& in, const Vars& out, const Vars& ct, Needs) const override {
    return {scaled_cofactors(in[0], mul(ct[0], out[0]))};
  }
};

class SlogdetPrimitive final : public Named<SlogdetPrimitive, MatrixPrimitive> {
 public:
  static constexpr std::string_view id = "slogdet";
  void infer(std::span<const Var> in, Specs& out) const override {
    square_size(in[0], id);
    for (int i = 0; i < 2; ++i)
      out.emplace_back(Spec{batch_with(in[0], {}), in[0].dtype(), in[0].device()});
  }
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    Tensor sign = Tensor::empty(out[0].shape, out[0].dtype, out[0].device),
           log = Tensor::empty_like(sign, out[1].dtype);
    kernels::slogdet.find(out[0].device, out[0].dtype)(in[0], sign, log);
    return make_vars(Var(sign), Var(log));
  }
  Vars jvp(const Vars& in, const Vars&, const Vars& t) const override {
    return {Var(), trace_with_inverse(in[0], t[0])};
  }
  Vars vjp(const Vars& in, const Vars&, const Vars& ct, Needs) const override {
    return {ct[1] ? scaled_cofactors(in[0], ct[1]) : Var()};
  }
  Saves saves() const override { return Saves::only_inputs(); }
};

template <class P>
Vars of_matrix(Operand a) {
  static const PrimitivePtr p = make_ref<P>();
  const std::source_location where = a.where;
  return emit(p, make_vars(as_var(std::move(a))), where);
}

// x with its batch axes broadcast to those of `batch`.
Var expanded(const Var& x, Dims batch, std::source_location where) {
  batch.push_back(x.size(-2));
  batch.push_back(x.size(-1));
  return broadcast_to({x, where}, batch);
}

// Vectors, broadcast batches, and one matrix for a batch of right-hand sides (as more columns).
Var solve_system(const PrimitivePtr& p, Operand a, Operand b) {
  const std::source_location where = a.where;
  auto [m, x] = promote(std::move(a), std::move(b), p->name());
  if (x.rank() == 1) {
    const Var column = solve_system(p, {m, where}, {unsqueeze({x, where}, -1), where});
    return squeeze({column, where}, -1);
  }
  if (m.rank() < 2 || x.rank() < 2)
    throw Error(ErrorCode::shape, p->name(),
                fmt::format("{} with {}: no equations", m.spec(), x.spec()))
        .at(where);
  if (m.rank() == 2 && x.rank() > 2) {
    const Dims shape = x.shape();
    const std::int64_t n = numel(batch_with(x, {})), k = x.size(-1);
    const Var columns =
        lead_to_columns(reshape({std::move(x), where}, {n, shape[shape.rank() - 2], k}));
    const Var solved = columns_to_axis(emit1(p, make_vars(m, columns), where), n, k);
    return reshape({permute(solved, {1, 0, 2}), where}, shape);
  }
  try {
    const Dims batch = broadcast_shapes(batch_with(m, {}), batch_with(x, {}), p->name());
    return emit1(p, make_vars(expanded(m, batch, where), expanded(x, batch, where)), where);
  } catch (Error& e) {
    e.at(where);
    throw;
  }
}

}  // namespace

Var solve(Operand a, Operand b, bool transposed) {
  static const PrimitivePtr plain = make_ref<Solve>(false), flipped = make_ref<Solve>(true);
  return solve_system(transposed ? flipped : plain, std::move(a), std::move(b));
}

Var triangular_solve(Operand a, Operand b, kernels::Triangle triangle) {
  return solve_system(make_ref<TriangularSolve>(triangle), std::move(a), std::move(b));
}

Var inv(Operand a) {
  return of_matrix<Inverse>(std::move(a))[0];
}
Var det(Operand a) {
  return of_matrix<Det>(std::move(a))[0];
}

Slogdet slogdet(Operand a) {
  Vars out = of_matrix<SlogdetPrimitive>(std::move(a));
  return {out[0], out[1]};
}

Var logdet(Operand a) {
  const Slogdet d = slogdet(std::move(a));
  const Var two = add(d.sign, 1.0);  // 2, 1 for a singular matrix, 0 for a negative determinant
  return mul(d.logabsdet, div(two, two));
}

// Full rank: A = Q R gives x = R^-1 Q' b; A' = Q R gives the shortest x = Q R^-T b.
Var lstsq(Operand a, Operand b) {
  const std::source_location where = a.where;
  auto [m, y] = promote(std::move(a), std::move(b), "lstsq");
  if (m.rank() < 2 || y.rank() < 1 || y.size(y.rank() == 1 ? 0 : -2) != m.size(-2))
    throw Error(ErrorCode::shape, "lstsq",
                fmt::format("matrix {} and right-hand side {} do not fit", m.spec(), y.spec()))
        .at(where);
  if (y.rank() == 1) return squeeze(lstsq({m, where}, {unsqueeze(y, -1), where}), -1);
  if (m.size(-2) >= m.size(-1)) {
    const Qr f = qr({m, where});
    return triangular_solve({f.r, where}, matmul({f.q, where}, y, {.a = true}), {.lower = false});
  }
  const Qr f = qr({mt(m), where});
  return matmul({f.q, where},
                triangular_solve({f.r, where}, y, {.lower = false, .transposed = true}));
}

}  // namespace sonde
