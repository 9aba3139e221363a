// Cross-entropy with integer targets. Per row of logits x, with p = softmax(x) and q the smoothed
// one-hot target:
//   loss = lse - <q, x>,  d loss / dx = p - q,  d lse / dx = p = exp(x - lse).
#include "autograd/bases.hpp"
#include "autograd/promote.hpp"
#include "tensor/kernels/softmax_norm.hpp"

namespace sonde {
namespace {

using Attributes = kernels::CrossEntropy;

// The input's axis counted among one lane's axes, moved behind the lanes.
Attributes behind_lanes(Attributes a) {
  ++a.axis;
  return a;
}

Vars all_with_lanes(const Vars& in, std::span<const int> axes, std::int64_t n) {
  Vars args;
  for (std::size_t i = 0; i < in.size(); ++i) args.push_back(with_lanes(in[i], axes[i], n));
  return args;
}

Dims without(Dims shape, int axis) {
  shape.erase(axis);
  return shape;
}

Var ones_like(const Var& v) {
  return broadcast_to(Tensor::ones({}, v.dtype(), v.device()), v.shape());
}

// (x, target, lse, ct) -> (p - q) ct, or without the target's part p ct; 0 in ignored rows.
class CrossEntropyGrad final : public Named<CrossEntropyGrad> {
 public:
  static constexpr std::string_view id = "cross_entropy_grad";
  explicit CrossEntropyGrad(const Attributes& a) : a_(a) {}
  static Var of(const Attributes& a, const Var& x, const Var& target, const Var& lse,
                const Var& ct) {
    return emit1(make_ref<CrossEntropyGrad>(a), make_vars(x, target, lse, ct));
  }
  void infer(std::span<const Var> in, Specs& out) const override {
    for (int i : {1, 2, 3})
      if (!(in[i].shape() == without(in[0].shape(), a_.axis)))
        fail(ErrorCode::shape, id, "logits {} and {} per row", in[0].spec(), in[i].spec());
    out.push_back(in[0].spec());
  }
  Vars forward(std::span<Tensor> in, const Specs&) const override {
    const auto kernel = kernels::cross_entropy_grad.find(in[0].device(), in[0].dtype());
    return make_vars(Var(kernel(in[0], in[1], in[2], in[3], a_)));
  }
  Vars jvp(const Vars& in, const Vars& out, const Vars& t) const override {
    Var through_p = t[0];
    if (t[2])
      through_p =
          through_p ? sub(through_p, unsqueeze(t[2], a_.axis)) : neg(unsqueeze(t[2], a_.axis));
    if (through_p) through_p = mul(weighted_p(in), through_p);
    if (!t[3]) return {widened(through_p, out[0])};
    const Var through_ct = of(a_, in[0], in[1], in[2], t[3]);
    return {through_p ? add(through_p, through_ct) : through_ct};
  }
  Vars vjp(const Vars& in, const Vars&, const Vars& u, Needs needs) const override {
    const Var through_p = needs[0] || needs[2] ? mul(weighted_p(in), u[0]) : Var();
    Var to_ct;
    if (needs[3]) to_ct = sum(mul(of(a_, in[0], in[1], in[2], ones_like(in[3])), u[0]), {a_.axis});
    return {needs[0] ? through_p : Var(), Var(), needs[2] ? neg(sum(through_p, {a_.axis})) : Var(),
            to_ct};
  }
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t n) const override {
    return {emit(make_ref<CrossEntropyGrad>(behind_lanes(a_)), all_with_lanes(in, axes, n)), {0}};
  }
  Saves saves() const override { return Saves::only_inputs(); }
  std::string attributes() const override {
    return fmt::format("axis={}, with_target={}", a_.axis, a_.with_target);
  }

 private:
  // p ct, the derivative of the gradient with respect to x - lse.
  Var weighted_p(const Vars& in) const {
    Attributes only_p = a_;
    only_p.with_target = false;
    return of(only_p, in[0], in[1], in[2], in[3]);
  }
  static Var widened(const Var& t, const Var& out) {
    return t.shape() == out.shape() ? t : broadcast_to(t, out.shape());
  }

  Attributes a_;
};

// (x, target) -> loss, lse and 1 or 0 for counted or ignored, each per row.
class CrossEntropy final : public Named<CrossEntropy> {
 public:
  static constexpr std::string_view id = "cross_entropy";
  explicit CrossEntropy(const Attributes& a) : a_(a) {}
  void infer(std::span<const Var> in, Specs& out) const override {
    const Var &x = in[0], &target = in[1];
    if (!is_differentiable(x.dtype()))
      fail_hint(ErrorCode::dtype, id, "convert with to(...)", "logits {}", x.spec());
    if (target.dtype() != DType::i64)
      fail(ErrorCode::dtype, id, "targets {} are neither classes nor logits' probabilities",
           target.spec());
    if (x.rank() <= a_.axis)
      fail(ErrorCode::shape, id, "logits {} have no axis of classes", x.spec());
    const Dims rows = without(x.shape(), a_.axis);
    if (!(target.shape() == rows))
      fail(ErrorCode::shape, id, "logits {} want targets {}, not {}", x.spec(), rows,
           target.spec());
    for (int i = 0; i < 3; ++i) out.push_back({rows, x.dtype(), x.device()});
  }
  Vars forward(std::span<Tensor> in, const Specs&) const override {
    Vars out;
    for (const Tensor& t :
         kernels::cross_entropy.find(in[0].device(), in[0].dtype())(in[0], in[1], a_))
      out.push_back(t);
    return out;
  }
  Vars jvp(const Vars& in, const Vars& out, const Vars& t) const override {
    auto along = [&](const Attributes& a) {
      return sum(mul(CrossEntropyGrad::of(a, in[0], in[1], out[1], ones_like(out[1])), t[0]),
                 {a_.axis});
    };
    return {along(a_), along(for_lse()), Var()};
  }
  Vars vjp(const Vars& in, const Vars& out, const Vars& u, Needs) const override {
    Var to_x;
    if (u[0]) to_x = CrossEntropyGrad::of(a_, in[0], in[1], out[1], u[0]);
    if (u[1]) {
      const Var more = CrossEntropyGrad::of(for_lse(), in[0], in[1], out[1], u[1]);
      to_x = to_x ? add(to_x, more) : more;
    }
    return {to_x, Var()};
  }
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t n) const override {
    return {emit(make_ref<CrossEntropy>(behind_lanes(a_)), all_with_lanes(in, axes, n)), {0, 0, 0}};
  }
  Saves saves() const override { return {0b11, 0b010}; }
  std::string attributes() const override {
    return fmt::format("axis={}, ignore_index={}, label_smoothing={}", a_.axis, a_.ignore_index,
                       a_.label_smoothing);
  }

 private:
  // Of ignored rows the lse matters to nobody: their derivative may be 0.
  Attributes for_lse() const {
    Attributes a = a_;
    a.with_target = false;
    return a;
  }
  Attributes a_;
};

Var reduced(const Var& loss, Reduction reduction, const Var& count) {
  if (reduction == Reduction::none) return loss;
  const Var total = sum(loss);
  return reduction == Reduction::sum ? total : div(total, count);
}

// Targets that are probabilities: -<q, log p>.
Var soft_cross_entropy(const Var& x, const Var& target, Reduction reduction, int axis,
                       double smoothing) {
  if (!(target.spec() == x.spec()))
    fail(ErrorCode::shape, CrossEntropy::id, "logits {} want probabilities alike, not {}", x.spec(),
         target.spec());
  Var q = target;
  if (smoothing != 0)
    q = add(mul(target, 1 - smoothing),
            smoothing / static_cast<double>(std::max<std::int64_t>(x.size(axis), 1)));
  const Var loss = neg(sum(mul(q, log_softmax(x, axis)), {axis}));
  return reduced(loss, reduction, Tensor::scalar(static_cast<double>(loss.numel()), x.dtype()));
}

}  // namespace

Var cross_entropy(Operand logits, const Var& target, Reduction reduction, std::int64_t ignore_index,
                  double label_smoothing) {
  const std::source_location where = logits.where;
  const Var x = as_float(as_var(std::move(logits)));
  if (!(label_smoothing >= 0 && label_smoothing <= 1))
    fail(ErrorCode::value, CrossEntropy::id, "label_smoothing {} is not in [0, 1]",
         label_smoothing);
  const int axis = x.rank() == 1 ? 0 : 1;
  if (is_float(target.dtype()))
    return soft_cross_entropy(x, target, reduction, axis, label_smoothing);
  const Var classes = is_integer(target.dtype()) ? to(target, DType::i64) : target;
  const Vars out = emit(make_ref<CrossEntropy>(Attributes{axis, ignore_index, label_smoothing}),
                        make_vars(x, classes), where);
  return reduced(out[0], reduction,
                 reduction == Reduction::mean ? sum(stop_gradient(out[2])) : Var());
}

}  // namespace sonde
