// Softmax and log-softmax, with the primitives of their vjps.
//   y = softmax(x):      Jt = J't = y (t - <y, t>)
//   y = log_softmax(x):  Jt = t - <e^y, t>,  J'u = u - e^y <1, u>
#include "autograd/bases.hpp"
#include "autograd/promote.hpp"
#include "tensor/kernels/softmax_norm.hpp"

namespace sonde {
namespace {

// <a, b> along the axis, kept as size 1.
Var inner(const Var& a, const Var& b, std::int64_t axis) {
  return sum(mul(a, b), {axis}, true);
}

Var plus(Var a, Var b) {
  return a ? (b ? add(std::move(a), std::move(b)) : a) : b;
}

// Same shape in and out, work along one axis.
template <class D>
class AlongAxis : public Named<D> {
 public:
  explicit AlongAxis(std::int64_t axis) : axis_(axis) {}
  void infer(std::span<const Var> in, Specs& out) const override {
    normal_axis(axis_, in[0].rank(), D::id);
    for (const Var& v : in) {
      if (!is_differentiable(v.dtype()))
        fail_hint(ErrorCode::dtype, D::id, "convert with to(...)", "{} is neither f32 nor f64",
                  v.spec());
      if (!(v.spec() == in[0].spec()))
        fail(ErrorCode::shape, D::id, "{} and {} differ", in[0].spec(), v.spec());
    }
    out.push_back(in[0].spec());
  }
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t n) const override {
    Vars args;
    for (std::size_t i = 0; i < in.size(); ++i) args.push_back(with_lanes(in[i], axes[i], n));
    const int axis = normal_axis(axis_, args[0].rank() - 1, D::id) + 1;
    return {emit(make_ref<D>(axis), std::move(args)), {0}};
  }
  std::string attributes() const override { return fmt::format("axis={}", axis_); }

 protected:
  int axis_of(const Tensor& t) const { return normal_axis(axis_, t.rank(), D::id); }
  const std::int64_t axis_;
};

// g = y (ct - <y, ct>): symmetric in ct, bilinear and quadratic in y.
class SoftmaxGrad final : public AlongAxis<SoftmaxGrad> {
 public:
  static constexpr std::string_view id = "softmax_grad";
  using AlongAxis::AlongAxis;
  static Var of(const Var& y, const Var& ct, std::int64_t axis) {
    return emit1(make_ref<SoftmaxGrad>(axis), make_vars(y, ct));
  }
  Vars forward(std::span<Tensor> in, const Specs&) const override {
    return make_vars(Var(
        kernels::softmax_grad.find(in[0].device(), in[0].dtype())(in[0], in[1], axis_of(in[0]))));
  }
  Vars jvp(const Vars& in, const Vars&, const Vars& t) const override {
    const Var &y = in[0], &ct = in[1];
    Var from_y;
    if (t[0]) from_y = sub(mul(t[0], sub(ct, inner(y, ct, axis_))), mul(y, inner(t[0], ct, axis_)));
    return {plus(from_y, t[1] ? of(y, t[1], axis_) : Var())};
  }
  Vars vjp(const Vars& in, const Vars&, const Vars& u, Needs needs) const override {
    const Var &y = in[0], &ct = in[1];
    Var to_y;
    if (needs[0])
      to_y = sub(mul(u[0], sub(ct, inner(y, ct, axis_))), mul(ct, inner(u[0], y, axis_)));
    return {to_y, needs[1] ? of(y, u[0], axis_) : Var()};
  }
  Saves saves() const override { return Saves::only_inputs(); }
};

class Softmax final : public AlongAxis<Softmax> {
 public:
  static constexpr std::string_view id = "softmax";
  using AlongAxis::AlongAxis;
  Vars forward(std::span<Tensor> in, const Specs&) const override {
    return make_vars(
        Var(kernels::softmax.find(in[0].device(), in[0].dtype())(in[0], axis_of(in[0]))));
  }
  Vars jvp(const Vars&, const Vars& out, const Vars& t) const override {
    return {SoftmaxGrad::of(out[0], t[0], axis_)};
  }
  Vars vjp(const Vars&, const Vars& out, const Vars& u, Needs) const override {
    return {SoftmaxGrad::of(out[0], u[0], axis_)};
  }
  Saves saves() const override { return Saves::only_outputs(); }
};

// g = ct - e^y <1, ct>
class LogSoftmaxGrad final : public AlongAxis<LogSoftmaxGrad> {
 public:
  static constexpr std::string_view id = "log_softmax_grad";
  using AlongAxis::AlongAxis;
  static Var of(const Var& y, const Var& ct, std::int64_t axis) {
    return emit1(make_ref<LogSoftmaxGrad>(axis), make_vars(y, ct));
  }
  Vars forward(std::span<Tensor> in, const Specs&) const override {
    return make_vars(Var(kernels::log_softmax_grad.find(in[0].device(), in[0].dtype())(
        in[0], in[1], axis_of(in[0]))));
  }
  Vars jvp(const Vars& in, const Vars&, const Vars& t) const override {
    return {plus(t[0] ? neg(through_y(in, t[0])) : Var(), t[1] ? of(in[0], t[1], axis_) : Var())};
  }
  Vars vjp(const Vars& in, const Vars&, const Vars& u, Needs needs) const override {
    return {needs[0] ? neg(through_y(in, u[0])) : Var(),
            needs[1] ? sub(u[0], inner(exp(in[0]), u[0], axis_)) : Var()};
  }
  Saves saves() const override { return Saves::only_inputs(); }

 private:
  // The derivative with respect to y is diagonal: -e^y <1, ct>.
  Var through_y(const Vars& in, const Var& t) const {
    return mul(mul(exp(in[0]), t), sum(in[1], {axis_}, true));
  }
};

class LogSoftmax final : public AlongAxis<LogSoftmax> {
 public:
  static constexpr std::string_view id = "log_softmax";
  using AlongAxis::AlongAxis;
  Vars forward(std::span<Tensor> in, const Specs&) const override {
    return make_vars(
        Var(kernels::log_softmax.find(in[0].device(), in[0].dtype())(in[0], axis_of(in[0]))));
  }
  Vars jvp(const Vars&, const Vars& out, const Vars& t) const override {
    return {sub(t[0], inner(exp(out[0]), t[0], axis_))};
  }
  Vars vjp(const Vars&, const Vars& out, const Vars& u, Needs) const override {
    return {LogSoftmaxGrad::of(out[0], u[0], axis_)};
  }
  Saves saves() const override { return Saves::only_outputs(); }
};

template <class P>
Var along(Operand x, std::int64_t dim) {
  const std::source_location where = x.where;
  return emit1(make_ref<P>(dim), make_vars(as_float(as_var(std::move(x)))), where);
}

}  // namespace

Var softmax(Operand x, std::int64_t dim) {
  return along<Softmax>(std::move(x), dim);
}
Var log_softmax(Operand x, std::int64_t dim) {
  return along<LogSoftmax>(std::move(x), dim);
}

}  // namespace sonde
