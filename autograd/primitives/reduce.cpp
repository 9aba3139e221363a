// Reductions over axes, and running sums.
#include <algorithm>
#include <cmath>

#include "autograd/bases.hpp"
#include "autograd/promote.hpp"
#include "tensor/kernels/reduce.hpp"

namespace sonde {
namespace {

Dims reduced_shape(const Dims& shape, const Dims& axes, bool keepdim) {
  Dims out;
  for (int i = 0; i < shape.rank(); ++i) {
    const bool gone = std::find(axes.begin(), axes.end(), i) != axes.end();
    if (!gone)
      out.push_back(shape[i]);
    else if (keepdim)
      out.push_back(1);
  }
  return out;
}

// The result type of sums, products and running sums.
DType total_type(DType t) {
  return is_float(t) ? t : DType::i64;
}

// Over axes, by a kernel of one slot. D makes another one of itself with D(axes, keepdim).
template <class D, class Base = Primitive>
class Reduction : public Named<D, Base> {
 public:
  Reduction(Kernel<kernels::Reduce>& slot, const Dims& axes, bool keepdim)
      : slot_(slot), axes_(axes), keepdim_(keepdim) {}
  void infer(std::span<const Var> in, Specs& out) const override {
    out.emplace_back(Spec{reduced_shape(in[0].shape(), axes_of(in[0]), keepdim_),
                          result_type(in[0].dtype()), in[0].device()});
  }
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    Tensor result = Tensor::empty(out[0].shape, out[0].dtype, out[0].device);
    slot_.find(in[0].device(), in[0].dtype())(in[0], axes_of(in[0]), result);
    return make_vars(std::move(result));
  }
  Batched batch(const Vars& in, std::span<const int> lanes, std::int64_t) const override {
    Dims axes = normal_axes(axes_, in[0].rank() - 1, D::id);
    const Var x = lanes_first(in[0], lanes[0]);
    if (axes.empty()) return {make_vars(this->of_nothing(x)), {0}};
    for (std::int64_t& a : axes) ++a;
    return {make_vars(emit1(make_ref<D>(axes, keepdim_), make_vars(x))), {0}};
  }
  std::string attributes() const override {
    return fmt::format("axes={}, keepdim={}", axes_, keepdim_);
  }

 protected:
  template <class Shaped>
  Dims axes_of(const Shaped& x) const {
    return normal_axes(axes_, x.shape().rank(), D::id);
  }
  virtual DType result_type(DType t) const { return t; }
  /// The reduction of every element by itself.
  virtual Var of_nothing(const Var& x) const { return to(x, result_type(x.dtype())); }
  /// A value of the result's shape, broadcast to x's.
  Var spread(const Var& v, const Var& x) const {
    return broadcast_to(reshape(v, reduced_shape(x.shape(), axes_of(x), true)), x.shape());
  }
  const Dims& axes() const { return axes_; }
  bool keepdim() const { return keepdim_; }

 private:
  Kernel<kernels::Reduce>& slot_;
  Dims axes_;
  bool keepdim_;
};

class Sum final : public Reduction<Sum, Linear> {
 public:
  static constexpr std::string_view id = "sum";
  Sum(const Dims& axes, bool keepdim) : Reduction(kernels::sum, axes, keepdim) {}
  Vars vjp(const Vars& in, const Vars&, const Vars& ct, Needs) const override {
    return {spread(ct[0], in[0])};
  }

 protected:
  DType result_type(DType t) const override { return total_type(t); }
};

// Sum of squared deviations from the mean. The deviations add up to zero, so the mean's own
// derivative drops out.
class Deviance final : public Reduction<Deviance> {
 public:
  static constexpr std::string_view id = "deviance";
  Deviance(const Dims& axes, bool keepdim) : Reduction(kernels::deviance, axes, keepdim) {}
  void infer(std::span<const Var> in, Specs& out) const override {
    if (!is_differentiable(in[0].dtype()))
      fail(ErrorCode::dtype, id, "{} is neither f32 nor f64", in[0].spec());
    Reduction::infer(in, out);
  }
  Vars jvp(const Vars& in, const Vars&, const Vars& t) const override {
    return {sum(mul(t[0], slope(in[0])), axes_of(in[0]), keepdim())};
  }
  Vars vjp(const Vars& in, const Vars&, const Vars& ct, Needs) const override {
    return {mul(spread(ct[0], in[0]), slope(in[0]))};
  }
  Saves saves() const override { return Saves::only_inputs(); }

 protected:
  Var of_nothing(const Var& x) const override { return sub(x, x); }

 private:
  Var slope(const Var& x) const { return mul(sub(x, mean(x, axes_of(x), true)), 2.0); }
};

// For every element along the last axis the product of all others, from products of pairs: no
// division, so that zeros do no harm, and all derivatives are those of multiplications.
Var products_of_others(const Var& x) {
  const std::int64_t n = x.size(-1);
  if (n == 0) return x;
  if (n == 1) return Tensor::ones(x.shape(), x.dtype(), x.device());
  Dims lead = x.shape();
  if (n % 2 != 0) {
    lead[x.rank() - 1] = 1;
    const Var padded = concat({x, Var(Tensor::ones(lead, x.dtype(), x.device()))}, -1);
    return slice(products_of_others(padded), -1, 0, n);
  }
  const Var even = slice(x, -1, 0, {}, 2), odd = slice(x, -1, 1, {}, 2);
  const Var outside = products_of_others(mul(even, odd));
  return reshape(stack({mul(outside, odd), mul(outside, even)}, -1), x.shape());
}

class Prod final : public Reduction<Prod> {
 public:
  static constexpr std::string_view id = "prod";
  Prod(const Dims& axes, bool keepdim) : Reduction(kernels::prod, axes, keepdim) {}
  Vars jvp(const Vars& in, const Vars&, const Vars& t) const override {
    return {sum(mul(t[0], slope(in[0])), axes_of(in[0]), keepdim())};
  }
  Vars vjp(const Vars& in, const Vars&, const Vars& ct, Needs) const override {
    return {mul(spread(ct[0], in[0]), slope(in[0]))};
  }
  Saves saves() const override { return Saves::only_inputs(); }

 protected:
  DType result_type(DType t) const override { return total_type(t); }

 private:
  // As a matrix with one row per result, and back.
  Var slope(const Var& x) const {
    const Dims gone = axes_of(x);
    Dims order, back = x.shape(), moved;
    std::int64_t rows = 1, columns = 1;
    for (int i = 0; i < x.rank(); ++i)
      if (std::find(gone.begin(), gone.end(), i) == gone.end())
        order.push_back(i), rows *= x.shape()[i];
    for (std::int64_t a : gone) order.push_back(a), columns *= x.shape()[static_cast<int>(a)];
    for (int i = 0; i < order.rank(); ++i) {
      back[static_cast<int>(order[i])] = i;
      moved.push_back(x.shape()[static_cast<int>(order[i])]);
    }
    return permute(reshape(products_of_others(reshape(permute(x, order), {rows, columns})), moved),
                   back);
  }
};

// The derivative is shared evenly by all elements that are equal to the result.
template <class D>
class SharedExtreme : public Reduction<D> {
 public:
  using Reduction<D>::Reduction;
  void infer(std::span<const Var> in, Specs& out) const override {
    Reduction<D>::infer(in, out);
    if (numel(out[0].shape) != 0 && in[0].numel() == 0)
      fail(ErrorCode::shape, D::id, "no element to choose from in {} over axes {}", in[0].spec(),
           this->axes());
  }
  Vars jvp(const Vars& in, const Vars& out, const Vars& t) const override {
    return {sum(mul(t[0], share(in[0], out[0])), this->axes_of(in[0]), this->keepdim())};
  }
  Vars vjp(const Vars& in, const Vars& out, const Vars& ct, Needs) const override {
    return {mul(this->spread(ct[0], in[0]), share(in[0], out[0]))};
  }

 private:
  Var share(const Var& x, const Var& y) const {
    const Var ties = to(eq(x, this->spread(y, x)), x.dtype());
    return div(ties, this->spread(sum(ties, this->axes_of(x), true), x));
  }
};

class Amax final : public SharedExtreme<Amax> {
 public:
  static constexpr std::string_view id = "amax";
  Amax(const Dims& axes, bool keepdim) : SharedExtreme(kernels::amax, axes, keepdim) {}
};
class Amin final : public SharedExtreme<Amin> {
 public:
  static constexpr std::string_view id = "amin";
  Amin(const Dims& axes, bool keepdim) : SharedExtreme(kernels::amin, axes, keepdim) {}
};

template <class D>
class Truth : public Reduction<D> {
 public:
  using Reduction<D>::Reduction;
  Vars jvp(const Vars&, const Vars&, const Vars&) const override { return {Var()}; }
  Vars vjp(const Vars&, const Vars&, const Vars&, Needs) const override { return {Var()}; }
  bool differentiable() const override { return false; }

 protected:
  DType result_type(DType) const override { return DType::boolean; }
};
class Any final : public Truth<Any> {
 public:
  static constexpr std::string_view id = "any";
  Any(const Dims& axes, bool keepdim) : Truth(kernels::any, axes, keepdim) {}
};
class All final : public Truth<All> {
 public:
  static constexpr std::string_view id = "all";
  All(const Dims& axes, bool keepdim) : Truth(kernels::all, axes, keepdim) {}
};

// The position of an extreme along one axis.
template <class D>
class ArgExtreme : public Named<D> {
 public:
  ArgExtreme(Kernel<kernels::ArgReduce>& slot, std::int64_t axis, bool keepdim)
      : slot_(slot), axis_(axis), keepdim_(keepdim) {}
  void infer(std::span<const Var> in, Specs& out) const override {
    const int axis = normal_axis(axis_, in[0].rank(), D::id);
    out.emplace_back(
        Spec{reduced_shape(in[0].shape(), {axis}, keepdim_), DType::i64, in[0].device()});
    if (in[0].shape()[axis] == 0)
      fail(ErrorCode::shape, D::id, "no element to choose from in {} along axis {}", in[0].spec(),
           axis_);
  }
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    Tensor result = Tensor::empty(out[0].shape, DType::i64, out[0].device);
    slot_.find(in[0].device(), in[0].dtype())(in[0], normal_axis(axis_, in[0].rank(), D::id),
                                              result);
    return make_vars(std::move(result));
  }
  Vars jvp(const Vars&, const Vars&, const Vars&) const override { return {Var()}; }
  Vars vjp(const Vars&, const Vars&, const Vars&, Needs) const override { return {Var()}; }
  bool differentiable() const override { return false; }
  Batched batch(const Vars& in, std::span<const int> lanes, std::int64_t) const override {
    const int axis = normal_axis(axis_, in[0].rank() - 1, D::id) + 1;
    return {make_vars(emit1(make_ref<D>(axis, keepdim_), make_vars(lanes_first(in[0], lanes[0])))),
            {0}};
  }
  std::string attributes() const override {
    return fmt::format("axis={}, keepdim={}", axis_, keepdim_);
  }

 private:
  Kernel<kernels::ArgReduce>& slot_;
  std::int64_t axis_;
  bool keepdim_;
};
class Argmax final : public ArgExtreme<Argmax> {
 public:
  static constexpr std::string_view id = "argmax";
  Argmax(std::int64_t axis, bool keepdim) : ArgExtreme(kernels::argmax, axis, keepdim) {}
};
class Argmin final : public ArgExtreme<Argmin> {
 public:
  static constexpr std::string_view id = "argmin";
  Argmin(std::int64_t axis, bool keepdim) : ArgExtreme(kernels::argmin, axis, keepdim) {}
};

class Cumsum final : public Named<Cumsum, Linear> {
 public:
  static constexpr std::string_view id = "cumsum";
  Cumsum(std::int64_t axis, bool reverse) : axis_(axis), reverse_(reverse) {}
  void infer(std::span<const Var> in, Specs& out) const override {
    normal_axis(axis_, in[0].rank(), id);
    out.emplace_back(Spec{in[0].shape(), total_type(in[0].dtype()), in[0].device()});
  }
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    Tensor result = Tensor::empty(out[0].shape, out[0].dtype, out[0].device);
    const int axis = normal_axis(axis_, in[0].rank(), id);
    kernels::cumsum.find(in[0].device(), in[0].dtype())(in[0], axis, reverse_, result);
    return make_vars(std::move(result));
  }
  Vars vjp(const Vars&, const Vars&, const Vars& ct, Needs) const override {
    return {cumsum(ct[0], axis_, !reverse_)};
  }
  Batched batch(const Vars& in, std::span<const int> lanes, std::int64_t) const override {
    const int axis = normal_axis(axis_, in[0].rank() - 1, id) + 1;
    return {make_vars(cumsum(lanes_first(in[0], lanes[0]), axis, reverse_)), {0}};
  }
  std::string attributes() const override {
    return fmt::format("axis={}, reverse={}", axis_, reverse_);
  }

 private:
  std::int64_t axis_;
  bool reverse_;
};

template <class P, class A>
Var reduce(Operand x, const A& axes, bool flag) {
  const std::source_location where = x.where;
  return emit1(make_ref<P>(axes, flag), make_vars(as_var(std::move(x))), where);
}

}  // namespace

Var sum(Operand x, const Dims& axes, bool keepdim) {
  return reduce<Sum>(std::move(x), axes, keepdim);
}
Var prod(Operand x, const Dims& axes, bool keepdim) {
  return reduce<Prod>(std::move(x), axes, keepdim);
}
Var deviance(Operand x, const Dims& axes, bool keepdim) {
  return reduce<Deviance>(std::move(x), axes, keepdim);
}
Var amax(Operand x, const Dims& axes, bool keepdim) {
  return reduce<Amax>(std::move(x), axes, keepdim);
}
Var amin(Operand x, const Dims& axes, bool keepdim) {
  return reduce<Amin>(std::move(x), axes, keepdim);
}
Var any(Operand x, const Dims& axes, bool keepdim) {
  return reduce<Any>(std::move(x), axes, keepdim);
}
Var all(Operand x, const Dims& axes, bool keepdim) {
  return reduce<All>(std::move(x), axes, keepdim);
}
Var argmax(Operand x, std::int64_t axis, bool keepdim) {
  return reduce<Argmax>(std::move(x), axis, keepdim);
}
Var argmin(Operand x, std::int64_t axis, bool keepdim) {
  return reduce<Argmin>(std::move(x), axis, keepdim);
}
Var cumsum(Operand x, std::int64_t axis, bool reverse) {
  return reduce<Cumsum>(std::move(x), axis, reverse);
}

}  // namespace sonde
