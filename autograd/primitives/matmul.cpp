// Products of matrices, batched, with either operand stored transposed.
#include "tensor/kernels/matmul.hpp"
#include "autograd/attributes.hpp"
#include "autograd/bases.hpp"
#include "autograd/promote.hpp"

namespace sonde {
namespace {

Dims batch_of(const Dims& shape) {
  return Dims(std::span(shape).first(static_cast<std::size_t>(shape.rank() - 2)));
}

Dims with_matrix(Dims batch, std::int64_t rows, std::int64_t cols) {
  batch.push_back(rows);
  batch.push_back(cols);
  return batch;
}

Var product(const Var& a, const Var& b, bool transposed_a, bool transposed_b);

// [..., rows, cols] as [all rows, cols].
Var flat_rows(const Var& x) {
  return reshape(x, {numel(with_matrix(batch_of(x.shape()), 1, x.size(-2))), x.size(-1)});
}

// Sum over the batch of x' y: one tall product if the result has no batch of its own.
Var sum_of_products(const Var& x, const Var& y, const Dims& shape) {
  const bool same_batch = batch_of(x.shape()) == batch_of(y.shape());
  if (shape.rank() == 2 && x.rank() > 2 && same_batch)
    return product(flat_rows(x), flat_rows(y), true, false);
  return sum_to(product(x, y, true, false), shape);
}

// op(a) op(b); rank 2 at least. The cotangent of an operand is a product again, in the layout the
// operand is stored in.
class Matmul final : public Named<Matmul, Multilinear> {
 public:
  static constexpr std::string_view id = "matmul";
  Matmul(bool transposed_a, bool transposed_b) : ta_(transposed_a), tb_(transposed_b) {}

  void infer(std::span<const Var> in, Specs& out) const override {
    const Dims &a = in[0].shape(), &b = in[1].shape();
    if (a.rank() < 2 || b.rank() < 2)
      fail(ErrorCode::shape, id, "lhs {}, rhs {}: rank 2 at least", a, b);
    if (in[0].dtype() == DType::boolean || in[0].dtype() == DType::u8)
      fail_hint(ErrorCode::dtype, id, "convert with to(...)", "no products of {}", in[0].dtype());
    const auto [m, k] =
        ta_ ? std::pair(a.back(), a[a.rank() - 2]) : std::pair(a[a.rank() - 2], a.back());
    const auto [inner, n] =
        tb_ ? std::pair(b.back(), b[b.rank() - 2]) : std::pair(b[b.rank() - 2], b.back());
    if (k != inner)
      fail_hint(ErrorCode::shape, id, "transpose an operand?",
                "inner sizes differ: lhs {}{}, rhs {}{} ({} != {})", a, ta_ ? " transposed" : "", b,
                tb_ ? " transposed" : "", k, inner);
    if (!(in[0].device() == in[1].device()))
      fail_hint(ErrorCode::device, id, "move one with to(device)", "operands on {} and {}",
                in[0].device(), in[1].device());
    const Dims shape = with_matrix(broadcast_shapes(batch_of(a), batch_of(b), id), m, n);
    numel(shape);
    out.emplace_back(Spec{shape, in[0].dtype(), in[0].device()});
  }

  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    Tensor result = Tensor::empty(out[0].shape, out[0].dtype, out[0].device);
    kernels::matmul.find(out[0].device, out[0].dtype)(
        ta_ ? in[0].transpose(-2, -1) : in[0], tb_ ? in[1].transpose(-2, -1) : in[1], result);
    return make_vars(Var(result));
  }

  std::int64_t flops(std::span<const Tensor> in, const Vars& out) const override {
    return 2 * out[0].numel() * in[0].size(ta_ ? -2 : -1);
  }

  // C = A B: dA = dC B', dB = A' dC. For a stored transpose, the transpose of that.
  Vars vjp(const Vars& in, const Vars&, const Vars& ct, Needs needs) const override {
    const Var &a = in[0], &b = in[1], &c = ct[0];
    Vars out;
    out.resize(2);
    if (needs[0])
      out[0] = sum_to(ta_ ? product(b, c, tb_, true) : product(c, b, false, !tb_), a.shape());
    if (needs[1]) {
      if (ta_)
        out[1] = sum_to(tb_ ? product(c, a, true, true) : product(a, c, false, false), b.shape());
      else
        out[1] = tb_ ? sum_of_products(c, a, b.shape()) : sum_of_products(a, c, b.shape());
    }
    return out;
  }

  // Lanes become the first batch axis. An operand without lanes stays as it is: [n, m, k] x [k, p]
  // is one tall product.
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t n) const override {
    const auto rank = [&](std::size_t i) { return in[i].rank() - (axes[i] >= 0 ? 1 : 0); };
    if (axes[0] < 0 && rank(0) == 2 && rank(1) == 2) {
      const Var b = lanes_first(in[1], axes[1]);
      if (b.size(tb_ ? 1 : 2) < narrow || (tb_ && rows_follow(b))) return batch_beside(in[0], b, n);
    }
    const int highest = std::max(rank(0), rank(1));
    Vars args;
    for (std::size_t i = 0; i < 2; ++i) {
      Var x = lanes_first(in[i], axes[i]);
      if (axes[i] >= 0 && rank(i) < highest) {
        Dims shape = x.shape();
        while (shape.rank() < highest + 1) shape.insert(1, 1);
        x = reshape(x, shape);
      }
      args.push_back(std::move(x));
    }
    return {emit(self(), std::move(args)), {0}};
  }

  Transposed stored() const { return {.a = ta_, .b = tb_}; }
  std::string attributes() const override {
    return ta_ || tb_ ? fmt::format("transposed={}{}", ta_ ? "a" : "", tb_ ? "b" : "") : "";
  }

 private:
  // Below this width a product per lane wastes most of a vector.
  static constexpr std::int64_t narrow = 16;

  // Are the rows of lanes [n, p, k] those of one matrix, with no copy?
  static bool rows_follow(const Var& lanes) {
    if (!lanes.is_tensor()) return true;
    const Tensor t = lanes.tensor();
    return t.strides()[0] == t.size(1) * t.strides()[1];
  }

  // One wide product: the lanes of B [n, k, p] side by side, [m, k] x [k, n * p].
  Batched batch_beside(const Var& a, const Var& b, std::int64_t n) const {
    const std::int64_t k = b.size(tb_ ? 2 : 1), p = b.size(tb_ ? 1 : 2);
    const Var wide = tb_ ? reshape(b, {n * p, k}) : reshape(permute(b, {1, 0, 2}), {k, n * p});
    const Var c = product(a, wide, ta_, tb_);
    return {make_vars(reshape(c, {c.size(0), n, p})), {1}};
  }

  bool ta_, tb_;
};

const PrimitivePtr& matmul_primitive(bool transposed_a, bool transposed_b) {
  static const PrimitivePtr all[2][2] = {
      {make_ref<Matmul>(false, false), make_ref<Matmul>(false, true)},
      {make_ref<Matmul>(true, false), make_ref<Matmul>(true, true)}};
  return all[transposed_a][transposed_b];
}

Var product(const Var& a, const Var& b, bool transposed_a, bool transposed_b) {
  return emit1(matmul_primitive(transposed_a, transposed_b), make_vars(a, b));
}

void check_vectors(const Operand& a, const Operand& b, std::string_view op) {
  if (a.is_scalar() || b.is_scalar() || a.var.rank() != 1 || b.var.rank() != 1)
    throw Error(ErrorCode::shape, op,
                a.is_scalar() || b.is_scalar()
                    ? "a number is no vector"
                    : fmt::format("{} and {} are not two vectors", a.var.spec(), b.var.spec()))
        .at(a.where);
}

}  // namespace

std::optional<Transposed> matmul_attributes(const Primitive& p) {
  const auto* matmul = dynamic_cast<const Matmul*>(&p);
  return matmul ? std::optional(matmul->stored()) : std::nullopt;
}

Var matmul(Operand a, Operand b, Transposed stored) {
  const std::source_location where = a.where;
  auto [x, y] = promote(std::move(a), std::move(b), Matmul::id);
  if (x.rank() == 0 || y.rank() == 0)
    throw Error(ErrorCode::shape, "matmul",
                fmt::format("lhs {}, rhs {}: rank 1 at least", x.spec(), y.spec()),
                "use mul for numbers")
        .at(where);
  const bool row = x.rank() == 1, column = y.rank() == 1;
  if (row) x = reshape({std::move(x), where}, {1, x.size(0)}), stored.a = false;
  if (column) y = reshape({std::move(y), where}, {y.size(0), 1}), stored.b = false;
  Var out =
      emit1(matmul_primitive(stored.a, stored.b), make_vars(std::move(x), std::move(y)), where);
  if (!row && !column) return out;
  Dims shape = out.shape();
  if (column) shape.erase(shape.rank() - 1);
  if (row) shape.erase(shape.rank() - (column ? 1 : 2));
  return reshape({std::move(out), where}, shape);
}

Var linear(Operand x, Operand w, Var b) {
  const std::source_location where = x.where;
  Var y = matmul(std::move(x), std::move(w), {.b = true});
  return b ? add({std::move(y), where}, std::move(b)) : y;
}

Var dot(Operand a, Operand b) {
  check_vectors(a, b, "dot");
  return matmul(std::move(a), std::move(b));
}

Var outer(Operand a, Operand b) {
  check_vectors(a, b, "outer");
  const std::source_location where = a.where;
  const std::int64_t m = a.var.size(0);
  return mul({reshape(std::move(a), {m, 1}), where}, std::move(b));
}

}  // namespace sonde
