// The LSTM over time: one fused kernel forward and one backward. Decomposed, it is one product for
// all inputs, then T cells.
#include "autograd/ops/lstm.hpp"
#include "autograd/fold.hpp"
#include "autograd/fused.hpp"
#include "autograd/primitives/lstm_cell.hpp"
#include "autograd/promote.hpp"
#include "tensor/kernels/lstm.hpp"

namespace sonde {
namespace {

constexpr std::size_t input_count = 6;

struct Sizes {
  std::int64_t steps, lanes, batch, inputs, units;
  Sizes(const Var& x, const Var& h)
      : steps(x.size(0)), lanes(x.size(1)), batch(x.size(2)), inputs(x.size(3)), units(h.size(2)) {}
};

kernels::LstmInputs inputs_of(std::span<const Tensor> in) {
  return {in[0], in[1], in[2], in[3], in[4], in[5]};
}

// Values with time first, [T, L, ...]: lanes go to the second axis. The others, [L, ...], take them
// in front.
bool time_first(std::size_t i, std::size_t inputs) {
  if (i < inputs) return i == 0;
  const std::size_t output =
      (i - inputs) % 5;  // outputs, then their cotangents: y, h, c, gates, cells
  return output == 0 || output > 2;
}

Var fold_second(const Var& v, int axis, std::int64_t n) {
  const Var wide = with_lanes(v, axis, n);
  Dims order{1, 0}, shape{wide.shape()[1], checked_mul(n, wide.shape()[2])};
  for (int i = 2; i < wide.rank(); ++i) order.push_back(i);
  for (int i = 3; i < wide.rank(); ++i) shape.push_back(wide.shape()[i]);
  return reshape(permute(wide, order), shape);
}
Var unfold_second(const Var& v, std::int64_t n) {
  Dims shape = v.shape();
  shape[1] = n == 0 ? 0 : shape[1] / n;
  shape.insert(1, n);
  return reshape(v, shape);
}

// (x [T, L, B, I], h [L, B, H], c, w_ih [L, 4H, I], w_hh [L, 4H, H], bias [L, 4H]) with L lanes of
// their own weights
// -> y [T, L, B, H], h, c; and, for the backward pass, gates and cells of all steps, which carry no
// derivative.
class Lstm final : public Named<Lstm, Fused> {
 public:
  static constexpr std::string_view id = "lstm";
  explicit Lstm(bool keep) : keep_(keep) {}

  void infer(std::span<const Var> in, Specs& out) const override {
    const Sizes n(in[0], in[1]);
    auto add = [&](const Dims& shape) { out.push_back({shape, in[0].dtype(), in[0].device()}); };
    add({n.steps, n.lanes, n.batch, n.units});
    add({n.lanes, n.batch, n.units});
    add({n.lanes, n.batch, n.units});
    if (!keep_) return;
    add({n.steps, n.lanes, n.batch, checked_mul(n.units, 4)});
    add({n.steps, n.lanes, n.batch, n.units});
  }

  Vars forward(std::span<Tensor> in, const Specs&) const override {
    const auto kernel = kernels::lstm.find(in[0].device(), in[0].dtype());
    const kernels::LstmOutputs out = kernel(inputs_of(in), keep_);
    Vars all = make_vars(Var(out.y), Var(out.h), Var(out.c));
    if (keep_) {
      all.push_back(out.gates);
      all.push_back(out.cells);
    }
    return all;
  }

  std::int64_t flops(std::span<const Tensor> in, const Vars& out) const override {
    return 8 * out[0].numel() * (in[0].size(-1) + in[1].size(-1));
  }

  Vars decompose(const Vars& in) const override {
    const Sizes n(in[0], in[1]);
    const std::int64_t gates = 4 * n.units;
    const Var rows =
        reshape(permute(in[0], {1, 0, 2, 3}), {n.lanes, checked_mul(n.steps, n.batch), n.inputs});
    const Var from_x = add(matmul(rows, in[3], {.b = true}), reshape(in[5], {n.lanes, 1, gates}));
    Vars y, all_gates, cells;
    Var h = in[1], c = in[2];
    // One primitive cuts all steps, and its vjp joins all cotangents: T slices would add T padded
    // ones.
    for (const Var& a : unstack(reshape(from_x, {n.lanes, n.steps, n.batch, gates}), 1)) {
      Vars step =
          lstm_cell_step(add(a, matmul(h, in[4], {.b = true})), c, std::source_location::current());
      h = step[0];
      c = step[1];
      y.push_back(h);
      all_gates.push_back(stop_gradient(step[2]));
      cells.push_back(stop_gradient(c));
    }
    Vars out = make_vars(joined(y, in[0], n.units, n), h, c);
    if (keep_) {
      out.push_back(joined(all_gates, in[0], gates, n));
      out.push_back(joined(cells, in[0], n.units, n));
    }
    return out;
  }

  Vars backward(std::span<const Tensor> in, std::span<const Tensor> out, std::span<const Tensor> ct,
                Needs needs) const override {
    const auto kernel = kernels::lstm_grad.find(in[0].device(), in[0].dtype());
    const kernels::LstmInputs g =
        kernel(inputs_of(in), {out[0], out[1], out[2], out[3], out[4]}, {ct[0], ct[1], ct[2]});
    const Tensor* all[] = {&g.x, &g.h0, &g.c0, &g.w_ih, &g.w_hh, &g.bias};
    Vars to;
    for (std::size_t i = 0; i < input_count; ++i)
      if (needs[i]) to.push_back(*all[i]);
    return to;
  }

  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t n) const override {
    Batched b{emit(self(), folded(in, axes, n)), {}};
    for (std::size_t i = 0; i < b.out.size(); ++i)
      unfold(b, i, time_first(input_count + i, input_count), n);
    return b;
  }
  Batched batch_backward(const Vars& all, std::span<const int> axes, std::int64_t n,
                         Needs needs) const override {
    const auto p = make_ref<FusedVjp>(Ref<const Fused>(this), input_count, 5, needs);
    Batched b{emit(p, folded(all, axes, n)), {}};
    for (std::size_t i = 0; i < b.out.size(); ++i) unfold(b, i, i == 0 && needs[0], n);
    return b;
  }
  Saves saves() const override { return {~std::uint64_t{0}, 0b11001}; }
  std::string attributes() const override { return fmt::format("keep={}", keep_); }

 private:
  static Var joined(const Vars& steps, const Var& x, std::int64_t width, const Sizes& n) {
    if (!steps.empty()) return stack(steps, 0);
    return Tensor::zeros({0, n.lanes, n.batch, width}, x.dtype(), x.device());
  }
  static Vars folded(const Vars& in, std::span<const int> axes, std::int64_t n) {
    Vars args;
    for (std::size_t i = 0; i < in.size(); ++i)
      args.push_back(time_first(i, input_count) ? fold_second(in[i], axes[i], n)
                                                : fold_lanes(in[i], axes[i], n));
    return args;
  }
  static void unfold(Batched& b, std::size_t i, bool second, std::int64_t n) {
    b.out[i] = second ? unfold_second(b.out[i], n) : unfold_lanes(b.out[i], n);
    b.axes.push_back(second ? 1 : 0);
  }
  bool keep_;
};

void want(const Var& v, const Spec& spec, std::string_view what) {
  if (!(v.spec() == spec))
    fail(ErrorCode::shape, Lstm::id, "{} is {}, not {}", what, v.spec(), spec);
}

Var zeros(const Dims& shape, const Var& like) {
  return Tensor::zeros(shape, like.dtype(), like.device());
}

Var bias_of(const LstmWeights& w, std::int64_t gates, const Var& x) {
  for (const Var* b : {&w.b_ih, &w.b_hh})
    if (*b) want(*b, {{gates}, x.dtype(), x.device()}, "a bias");
  if (w.b_ih && w.b_hh) return add(w.b_ih, w.b_hh);
  return w.b_ih ? w.b_ih : w.b_hh ? w.b_hh : zeros({gates}, x);
}

Var with_one_lane(const Var& v, int axis) {
  return unsqueeze(v, axis);
}

}  // namespace

LstmSequence lstm(Operand operand, const LstmState& initial, const LstmWeights& w) {
  const std::source_location where = operand.where;
  const Var x = as_var(std::move(operand));
  if (x.rank() != 3 || !is_differentiable(x.dtype()))
    fail(ErrorCode::shape, Lstm::id, "x {} is not [T, B, I] of a float type", x.spec());
  if (!w.w_ih || !w.w_hh || w.w_hh.rank() != 2)
    fail(ErrorCode::shape, Lstm::id, "w_hh is not [4H, H]");
  const std::int64_t units = w.w_hh.size(1), gates = checked_mul(units, 4), batch = x.size(1);
  want(w.w_ih, {{gates, x.size(2)}, x.dtype(), x.device()}, "w_ih");
  want(w.w_hh, {{gates, units}, x.dtype(), x.device()}, "w_hh");
  const Var h = initial.h ? initial.h : zeros({batch, units}, x),
            c = initial.c ? initial.c : zeros({batch, units}, x);
  want(h, {{batch, units}, x.dtype(), x.device()}, "h");
  want(c, {{batch, units}, x.dtype(), x.device()}, "c");
  Vars in = make_vars(with_one_lane(x, 1), with_one_lane(h, 0), with_one_lane(c, 0),
                      with_one_lane(w.w_ih, 0), with_one_lane(w.w_hh, 0),
                      with_one_lane(bias_of(w, gates, x), 0));
  bool boxed = false;  // data alone needs nothing for a backward pass
  for (const Var& v : in) boxed |= v.level() > 0;
  Vars out = emit(make_ref<Lstm>(boxed), std::move(in), where);
  return {squeeze(out[0], 1), {squeeze(out[1], 0), squeeze(out[2], 0)}};
}

}  // namespace sonde
