// Normalisation. All norms are one operation on x [lanes, outer, middle, groups, inner] with
// statistics over middle and inner (see kernels::Normalize). With xhat = (x - mean) r, r = rstd,
// and means <> over those axes:
//   d xhat = r (t - <t> - xhat <t xhat>)
//   d r = -r^2 <t xhat>
// The first is symmetric: jvp and vjp are the same primitive, NormalizeGrad. RMS norm has mean 0
// and no term <t>. The affine norm is fused: one pass forward, one kernel backward.
#include "autograd/fold.hpp"
#include "autograd/fused.hpp"
#include "autograd/promote.hpp"
#include "tensor/kernels/reduce.hpp"
#include "tensor/kernels/softmax_norm.hpp"

namespace sonde {
namespace {

using Attributes = kernels::Normalize;

Dims statistics_shape(const Dims& x) {
  return {x[0], x[1], 1, x[3], 1};
}
Var total(const Var& v) {
  return sum(v, {2, 4}, true);
}
double count(const Var& x) {
  return static_cast<double>(std::max<std::int64_t>(1, x.shape()[2] * x.shape()[4]));
}
Var mean_of(const Var& v) {
  return div(total(v), count(v));
}
Var plus(const Var& a, const Var& b) {
  return !a ? b : !b ? a : add(a, b);
}

Vars folded(const Vars& in, std::span<const int> axes, std::int64_t n) {
  Vars out;
  for (std::size_t i = 0; i < in.size(); ++i) out.push_back(fold_lanes(in[i], axes[i], n));
  return out;
}
Batched unfolded(const Vars& out, std::int64_t n) {
  Batched b;
  for (const Var& v : out) {
    b.out.push_back(unfold_lanes(v, n));
    b.axes.push_back(0);
  }
  return b;
}

// (xhat, rstd, ct) -> rstd (ct - <ct> - xhat <ct xhat>): linear in rstd, linear and symmetric in
// ct.
class NormalizeGrad final : public Named<NormalizeGrad> {
 public:
  static constexpr std::string_view id = "normalize_grad";
  explicit NormalizeGrad(const Attributes& a) : a_(a) {}
  static Var of(const Attributes& a, const Var& xhat, const Var& rstd, const Var& ct) {
    return emit1(make_ref<NormalizeGrad>(a), make_vars(xhat, rstd, ct));
  }
  void infer(std::span<const Var> in, Specs& out) const override { out.push_back(in[0].spec()); }
  Vars forward(std::span<Tensor> in, const Specs&) const override {
    const auto kernel = kernels::normalize_grad.find(in[0].device(), in[0].dtype());
    return make_vars(Var(kernel({in[0], {}, {}, in[1]}, in[2], a_, false)[0]));
  }
  Vars jvp(const Vars& in, const Vars&, const Vars& t) const override {
    const Var &xhat = in[0], &rstd = in[1], &ct = in[2];
    Var sum;
    if (t[0])
      sum =
          neg(mul(rstd, add(mul(t[0], mean_of(mul(ct, xhat))), mul(xhat, mean_of(mul(ct, t[0]))))));
    if (t[1]) sum = plus(sum, of(a_, xhat, t[1], ct));
    if (t[2]) sum = plus(sum, of(a_, xhat, rstd, t[2]));
    return {sum};
  }
  Vars vjp(const Vars& in, const Vars&, const Vars& u, Needs needs) const override {
    const Var &xhat = in[0], &rstd = in[1], &ct = in[2];
    Vars to{Var(), Var(), Var()};
    if (needs[0])
      to[0] =
          neg(mul(rstd, add(mul(u[0], mean_of(mul(ct, xhat))), mul(ct, mean_of(mul(u[0], xhat))))));
    if (needs[1]) {
      const Var ones = broadcast_to(Tensor::ones({}, rstd.dtype(), rstd.device()), rstd.shape());
      to[1] = total(mul(u[0], of(a_, xhat, ones, ct)));
    }
    if (needs[2]) to[2] = of(a_, xhat, rstd, u[0]);
    return to;
  }
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t n) const override {
    return unfolded(emit(self(), folded(in, axes, n)), n);
  }
  Saves saves() const override { return Saves::only_inputs(); }
  std::string attributes() const override { return fmt::format("center={}", a_.center); }

 private:
  Attributes a_;
};

// x -> xhat, rstd
class Normalize final : public Named<Normalize> {
 public:
  static constexpr std::string_view id = "normalize";
  explicit Normalize(const Attributes& a) : a_(a) {}
  void infer(std::span<const Var> in, Specs& out) const override {
    out.push_back(in[0].spec());
    out.push_back({statistics_shape(in[0].shape()), in[0].dtype(), in[0].device()});
  }
  Vars forward(std::span<Tensor> in, const Specs&) const override {
    const auto out = kernels::normalize.find(in[0].device(), in[0].dtype())(in[0], {}, {}, a_);
    return make_vars(Var(out[0]), Var(out[2]));
  }
  Vars jvp(const Vars&, const Vars& out, const Vars& t) const override {
    const Var &xhat = out[0], &rstd = out[1];
    return {NormalizeGrad::of(a_, xhat, rstd, t[0]),
            neg(mul(mul(rstd, rstd), mean_of(mul(t[0], xhat))))};
  }
  Vars vjp(const Vars&, const Vars& out, const Vars& u, Needs) const override {
    const Var &xhat = out[0], &rstd = out[1];
    const Var through_xhat = u[0] ? NormalizeGrad::of(a_, xhat, rstd, u[0]) : Var();
    if (!u[1]) return {through_xhat};
    return {plus(through_xhat, neg(mul(mul(mul(rstd, rstd), div(u[1], count(xhat))), xhat)))};
  }
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t n) const override {
    return unfolded(emit(self(), folded(in, axes, n)), n);
  }
  Saves saves() const override { return Saves::only_outputs(); }
  std::string attributes() const override {
    return fmt::format("eps={}, center={}", a_.eps, a_.center);
  }

 private:
  Attributes a_;
};

// (x, weight?, bias?) -> xhat weight + bias, and the statistics mean and rstd, which carry no
// derivative. Weight and bias are [lanes, groups, inner].
class AffineNorm final : public Named<AffineNorm, Fused> {
 public:
  static constexpr std::string_view id = "affine_norm";
  AffineNorm(const Attributes& a, bool weight, bool bias) : a_(a), weight_(weight), bias_(bias) {}
  void infer(std::span<const Var> in, Specs& out) const override {
    const Spec stats{statistics_shape(in[0].shape()), in[0].dtype(), in[0].device()};
    out.push_back(in[0].spec());
    out.push_back(stats);
    out.push_back(stats);
  }
  Vars forward(std::span<Tensor> in, const Specs&) const override {
    const auto kernel = kernels::normalize.find(in[0].device(), in[0].dtype());
    Vars out;
    for (const Tensor& t : kernel(in[0], weight(in), bias_ ? in.back() : Tensor(), a_))
      out.push_back(t);
    return out;
  }
  Vars decompose(const Vars& in) const override {
    const Var& x = in[0];
    const Vars normal = emit(make_ref<Normalize>(a_), make_vars(x));
    Var y = normal[0];
    if (weight_) y = mul(y, beside_x(in[1]));
    if (bias_) y = add(y, beside_x(in.back()));
    const Var rstd = stop_gradient(normal[1]);
    return {y, a_.center ? mean_of(stop_gradient(x)) : zeros_like(rstd), rstd};
  }
  Vars backward(std::span<const Tensor> in, std::span<const Tensor> out, std::span<const Tensor> ct,
                Needs needs) const override {
    const bool weight_wanted = weight_ && needs[1], bias_wanted = bias_ && needs[in.size() - 1];
    const auto kernel = kernels::normalize_grad.find(in[0].device(), in[0].dtype());
    const auto grads =
        kernel({in[0], weight(in), out[1], out[2]}, ct[0], a_, weight_wanted || bias_wanted);
    Vars to;
    if (needs[0]) to.push_back(grads[0]);
    if (weight_wanted) to.push_back(grads[1]);
    if (bias_wanted) to.push_back(grads[2]);
    return to;
  }
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t n) const override {
    return unfolded(emit(self(), folded(in, axes, n)), n);
  }
  Batched batch_backward(const Vars& all, std::span<const int> axes, std::int64_t n,
                         Needs needs) const override {
    const std::size_t inputs = std::size_t{1} + weight_ + bias_;
    return unfolded(
        emit(make_ref<FusedVjp>(Ref<const Fused>(this), inputs, 3, needs), folded(all, axes, n)),
        n);
  }
  Saves saves() const override { return {~std::uint64_t{0}, 0b110}; }
  std::string attributes() const override {
    return fmt::format("eps={}, center={}, weight={}, bias={}", a_.eps, a_.center, weight_, bias_);
  }

 private:
  Tensor weight(std::span<const Tensor> in) const { return weight_ ? in[1] : Tensor(); }
  static Var beside_x(const Var& parameter) {
    const Dims& s = parameter.shape();
    return reshape(parameter, {s[0], 1, 1, s[1], s[2]});
  }
  Attributes a_;
  bool weight_, bias_;
};

// --- the ops

void check(const Var& x, double eps, std::string_view op) {
  if (!is_differentiable(x.dtype()))
    fail_hint(ErrorCode::dtype, op, "convert with to(...)", "x is {}", x.spec());
  if (!(eps >= 0)) fail(ErrorCode::value, op, "eps {} is negative", eps);
}

void check_parameter(const Var& parameter, const Var& x, const Dims& shape, std::string_view what,
                     std::string_view op) {
  if (parameter && !(parameter.spec() == Spec{shape, x.dtype(), x.device()}))
    fail(ErrorCode::shape, op, "{} is {}, not {}", what, parameter.spec(),
         Spec{shape, x.dtype(), x.device()});
}

// x as [1, outer, middle, groups, inner], parameters of groups * inner elements: {y, mean, rstd}, y
// in that shape.
Vars normalized(const Var& x, const Dims& five, const Var& weight, const Var& bias,
                const Attributes& a, std::source_location where) {
  Vars in = make_vars(reshape({x, where}, five));
  for (const Var& p : {weight, bias})
    if (p) in.push_back(reshape({p, where}, {1, five[3], five[4]}));
  return emit(make_ref<AffineNorm>(a, static_cast<bool>(weight), static_cast<bool>(bias)),
              std::move(in), where);
}

Var norm_last_axes(Operand operand, const Dims& normalized_shape, const Var& weight,
                   const Var& bias, const Attributes& a, std::string_view op) {
  const std::source_location where = operand.where;
  const Var x = as_var(std::move(operand));
  check(x, a.eps, op);
  const int first = x.rank() - normalized_shape.rank();
  Dims last, leading;
  for (int i = 0; i < x.rank(); ++i) (i < first ? leading : last).push_back(x.shape()[i]);
  if (first < 0 || normalized_shape.empty() || !(last == normalized_shape))
    fail(ErrorCode::shape, op, "normalized_shape {} is not the end of x {}", normalized_shape,
         x.spec());
  check_parameter(weight, x, last, "weight", op);
  check_parameter(bias, x, last, "bias", op);
  const Dims five{1, numel(leading), 1, 1, numel(last)};
  return reshape({normalized(x, five, weight, bias, a, where)[0], where}, x.shape());
}

// x [N, C, ...] with its channels last.
struct ChannelsLast {
  Dims order, back, shape;  ///< permutation, its inverse, the permuted shape
  std::int64_t n, positions, channels;

  ChannelsLast(const Var& x, std::string_view op) {
    if (x.rank() < 2) fail(ErrorCode::shape, op, "x {} is not [N, C, ...]", x.spec());
    order = {0};
    back = {0, x.rank() - 1};
    for (int i = 2; i < x.rank(); ++i) {
      order.push_back(i);
      back.push_back(i - 1);
    }
    order.push_back(1);
    positions = 1;
    for (std::int64_t i : order) shape.push_back(x.shape()[static_cast<int>(i)]);
    for (int i = 1; i + 1 < shape.rank(); ++i) positions = checked_mul(positions, shape[i]);
    n = shape[0];
    channels = shape.back();
  }
  Var there(const Var& x, std::source_location where) const { return permute({x, where}, order); }
  Var home(const Var& y, std::source_location where) const {
    return permute({reshape({y, where}, shape), where}, back);
  }
};

}  // namespace

Var layer_norm(Operand x, const Dims& normalized_shape, const Var& weight, const Var& bias,
               double eps) {
  return norm_last_axes(std::move(x), normalized_shape, weight, bias, {eps, true}, "layer_norm");
}

Var rms_norm(Operand x, const Dims& normalized_shape, const Var& weight, double eps) {
  return norm_last_axes(std::move(x), normalized_shape, weight, {}, {eps, false}, "rms_norm");
}

Var group_norm(Operand operand, std::int64_t num_groups, const Var& weight, const Var& bias,
               double eps) {
  constexpr std::string_view op = "group_norm";
  const std::source_location where = operand.where;
  const Var x = as_var(std::move(operand));
  check(x, eps, op);
  const ChannelsLast as(x, op);
  if (num_groups < 1 || as.channels % num_groups != 0)
    fail(ErrorCode::value, op, "{} channels do not form {} equal groups", as.channels, num_groups);
  check_parameter(weight, x, {as.channels}, "weight", op);
  check_parameter(bias, x, {as.channels}, "bias", op);
  const Dims five{1, as.n, as.positions, num_groups, as.channels / num_groups};
  return as.home(normalized(as.there(x, where), five, weight, bias, {eps, true}, where)[0], where);
}

BatchNormTrained batch_norm_train(Operand operand, const Var& weight, const Var& bias, double eps) {
  constexpr std::string_view op = "batch_norm";
  const std::source_location where = operand.where;
  const Var x = as_var(std::move(operand));
  check(x, eps, op);
  const ChannelsLast as(x, op);
  check_parameter(weight, x, {as.channels}, "weight", op);
  check_parameter(bias, x, {as.channels}, "bias", op);
  const Dims five{1, 1, checked_mul(as.n, as.positions), as.channels, 1};
  const Vars out = normalized(as.there(x, where), five, weight, bias, {eps, true}, where);
  const Var mean = reshape(stop_gradient(out[1]), {-1}),
            rstd = reshape(stop_gradient(out[2]), {-1});
  return {as.home(out[0], where), mean, sub(div(1.0, mul(rstd, rstd)), eps)};
}

Var batch_norm(Operand operand, const Var& mean, const Var& var, const Var& weight, const Var& bias,
               double eps) {
  constexpr std::string_view op = "batch_norm";
  const std::source_location where = operand.where;
  const Var x = as_var(std::move(operand));
  check(x, eps, op);
  const ChannelsLast as(x, op);
  const Var* parameters[] = {&mean, &var, &weight, &bias};
  constexpr std::string_view names[] = {"mean", "var", "weight", "bias"};
  for (int i = 0; i < 4; ++i) check_parameter(*parameters[i], x, {as.channels}, names[i], op);
  if (!mean || !var) fail(ErrorCode::value, op, "evaluation wants a mean and a var");
  Var scale = rsqrt(add(var, eps)),
      shift = neg(mul(mean, scale));  // y = scale x + shift, per channel
  if (weight) {
    scale = mul(scale, weight);
    shift = mul(shift, weight);
  }
  if (bias) shift = add(shift, bias);
  Dims channels = Dims::filled(x.rank() - 1, 1);
  channels[0] = as.channels;
  return add({mul({x, where}, reshape(scale, channels)), where}, reshape(shift, channels));
}

}  // namespace sonde
