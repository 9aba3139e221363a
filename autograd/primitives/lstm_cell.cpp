// One LSTM step from its pre-activations.
#include "autograd/primitives/lstm_cell.hpp"

#include "autograd/bases.hpp"
#include "autograd/fused.hpp"
#include "autograd/promote.hpp"
#include "tensor/kernels/lstm.hpp"

namespace sonde {
namespace {

Batched with_leading_lanes(const PrimitivePtr& p, const Vars& in, std::span<const int> axes,
                           std::int64_t n) {
  Vars args;
  for (std::size_t i = 0; i < in.size(); ++i) args.push_back(with_lanes(in[i], axes[i], n));
  Batched b{emit(p, std::move(args)), {}};
  b.axes.resize(b.out.size());
  return b;
}

// i, f, g, o
Vars quarters(const Var& gates) {
  return split(gates, std::vector<std::int64_t>(4, gates.size(-1) / 4), -1);
}
Var one_minus_square(const Var& x) {
  return sub(1.0, mul(x, x));
}
Var sigmoid_slope(const Var& s) {
  return mul(s, sub(1.0, s));
}
Var plus(const Var& a, const Var& b) {
  return !a ? b : !b ? a : add(a, b);
}

// The derivatives of i, f, g, o by their pre-activations.
Vars slopes(const Vars& s) {
  return {sigmoid_slope(s[0]), sigmoid_slope(s[1]), one_minus_square(s[2]), sigmoid_slope(s[3])};
}

// (gates, c, c', dh, dc') -> (da, dc): the vjp of LstmCell as one kernel.
class LstmCellGrad final : public Named<LstmCellGrad, Decomposable> {
 public:
  static constexpr std::string_view id = "lstm_cell_grad";
  int max_reverse() const override { return 0; }
  void infer(std::span<const Var> in, Specs& out) const override {
    out.push_back(in[0].spec());
    out.push_back(in[1].spec());
  }
  Vars forward(std::span<Tensor> in, const Specs&) const override {
    const auto kernel = kernels::lstm_cell_grad.find(in[0].device(), in[0].dtype());
    const auto out = kernel({in[0], in[1], in[2]}, in[3], in[4]);
    return make_vars(Var(out[0]), Var(out[1]));
  }
  Vars decompose(const Vars& in) const override {
    const Vars s = quarters(in[0]), slope = slopes(s);
    const Var &before = in[1], t = tanh(in[2]), &dh = in[3];
    const Var cell =
        add(in[4], mul(mul(dh, s[3]), one_minus_square(t)));  // of c', through h as well
    const Vars da{mul(mul(cell, s[2]), slope[0]), mul(mul(cell, before), slope[1]),
                  mul(mul(cell, s[0]), slope[2]), mul(mul(dh, t), slope[3])};
    return {concat(da, -1), mul(cell, s[1])};
  }
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t n) const override {
    return with_leading_lanes(self(), in, axes, n);
  }
};

// (a [..., 4H], c [..., H]) -> h, c' and the gates, which the vjp reads.
class LstmCell final : public Named<LstmCell> {
 public:
  static constexpr std::string_view id = "lstm_cell";
  void infer(std::span<const Var> in, Specs& out) const override {
    const Var &a = in[0], &c = in[1];
    Dims gates = c.shape();
    if (c.rank() > 0) gates[c.rank() - 1] = checked_mul(gates.back(), 4);
    if (!is_differentiable(a.dtype()) || c.rank() == 0 ||
        !(a.spec() == Spec{gates, c.dtype(), c.device()}))
      fail(ErrorCode::shape, id, "pre-activations {} and cell {} are not [..., 4H] and [..., H]",
           a.spec(), c.spec());
    out.push_back(c.spec());
    out.push_back(c.spec());
    out.push_back(a.spec());
  }
  Vars forward(std::span<Tensor> in, const Specs&) const override {
    Vars out;
    for (const Tensor& t : kernels::lstm_cell.find(in[0].device(), in[0].dtype())(in[0], in[1]))
      out.push_back(t);
    return out;
  }
  Vars jvp(const Vars& in, const Vars& out, const Vars& t) const override {
    const Vars s = quarters(out[2]);
    Var cell, gates;  // tangents
    Vars gate;
    if (t[1]) cell = mul(s[1], t[1]);
    if (t[0]) {
      gates = mul(concat(slopes(s), -1), t[0]);
      gate = quarters(gates);
      const Var entering = add(mul(gate[0], s[2]), mul(s[0], gate[2]));
      cell = plus(cell, add(mul(gate[1], in[1]), entering));
    }
    const Var top = tanh(out[1]);
    const Var h = mul(mul(s[3], one_minus_square(top)), cell);
    return {gates ? add(mul(gate[3], top), h) : h, cell, gates};
  }
  Vars vjp(const Vars& in, const Vars& out, const Vars& u, Needs) const override {
    static const PrimitivePtr grad = make_ref<LstmCellGrad>();
    Vars to{Var(), Var()};
    if (u[0] || u[1])
      to = emit(grad, make_vars(out[2], in[1], out[1], u[0] ? u[0] : zeros_like(out[0]),
                                u[1] ? u[1] : zeros_like(out[1])));
    if (u[2]) to[0] = plus(to[0], mul(concat(slopes(quarters(out[2])), -1), u[2]));
    return to;
  }
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t n) const override {
    return with_leading_lanes(self(), in, axes, n);
  }
  Saves saves() const override { return {0b10, 0b110}; }
};

}  // namespace

Vars lstm_cell_step(const Var& pre_activations, const Var& cell, std::source_location where) {
  static const PrimitivePtr p = make_ref<LstmCell>();
  return emit(p, make_vars(pre_activations, cell), where);
}

LstmState lstm_cell(Operand operand, const LstmState& state, const LstmWeights& w) {
  const std::source_location where = operand.where;
  Var a = add({linear(std::move(operand), w.w_ih, w.b_ih), where},
              linear({state.h, where}, w.w_hh, w.b_hh));
  Vars out = lstm_cell_step(a, state.c, where);
  return {out[0], out[1]};
}

}  // namespace sonde
