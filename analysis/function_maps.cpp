#include "analysis/function_maps.hpp"

namespace sonde {
namespace {

using Rule = LinearMap::Rule;

class Jacobian final : public Rule {
 public:
  explicit Jacobian(std::shared_ptr<const Derivative> d) : d_(std::move(d)) {}
  const Space& domain() const override { return d_->domain(); }
  const Space& range() const override { return d_->range(); }
  Tensor apply(const Tensor& v) const override { return d_->forward(v); }
  Tensor transpose(const Tensor& u) const override { return d_->backward(u); }
  Cost cost(std::int64_t n) const override { return d_->cost(n); }
  std::string name() const override { return d_->name(); }

 private:
  const std::shared_ptr<const Derivative> d_;
};

class Hessian final : public Rule {
 public:
  explicit Hessian(std::shared_ptr<const Derivative> d) : d_(std::move(d)) {}
  const Space& domain() const override { return d_->domain(); }
  const Space& range() const override { return d_->domain(); }
  // Of the two products of a symmetric matrix the backward one: it adds up fewer terms, and frees
  // what it has passed.
  Tensor apply(const Tensor& v) const override { return d_->backward(v); }
  Tensor transpose(const Tensor& u) const override { return d_->backward(u); }
  bool symmetric() const override { return true; }
  Cost cost(std::int64_t n) const override { return d_->cost(n); }
  std::string name() const override { return d_->name(); }

 private:
  const std::shared_ptr<const Derivative> d_;
};

void check_float(const Var& out, std::size_t i, std::string_view op, Site where) {
  if (!is_differentiable(out.dtype()))
    throw Error(ErrorCode::dtype, op,
                fmt::format("result {} is {}: no derivative for this type", i, out.spec()),
                "return floating-point values alone (logits instead of classes)")
        .at(where);
}

void check_depends(bool depends, std::size_t i, std::string_view op, Site where) {
  if (!depends)
    throw Error(ErrorCode::rule, op,
                fmt::format("result {} does not depend on the arguments, or only through "
                            "functions without a derivative (sign, argmax, comparisons)",
                            i),
                "compute it from the function's arguments: call the module through the Context")
        .at(where);
}

Space range_of(const Vars& out) {
  std::vector<std::string> names;
  std::vector<Dims> shapes;
  for (std::size_t i = 0; i < out.size(); ++i) {
    names.push_back(out.size() == 1 ? "y" : fmt::format("y{}", i));
    shapes.push_back(out[i].shape());
  }
  return {names, shapes, out[0].dtype(), out[0].device()};
}

// The function with its first result alone, which must have a derivative.
Function first_of(const Function& loss, Site where) {
  return [loss, where](const Vars& x) {
    Vars out = loss(x);
    if (out.empty())
      throw Error(ErrorCode::shape, "hessian", "the loss returned nothing").at(where);
    check_float(out[0], 0, "hessian", where);
    return std::move(out[0]);
  };
}

}  // namespace

std::shared_ptr<const Derivative> derivative_of(const Function& f, const Point& at,
                                                MapOptions options, Site where) {
  FunctionCount count = counted(f, at.values, where);
  if (count.out.empty())
    throw Error(ErrorCode::shape, "jacobian", "the function returned nothing").at(where);
  for (std::size_t i = 0; i < count.out.size(); ++i) {
    check_float(count.out[i], i, "jacobian", where);
    check_depends(count.depend[i], i, "jacobian", where);
  }
  const Vars x = at.values;
  DerivativeRules rules{
      f, [f, x, where](const Vars& v) { return jvp(f, x, v, where).tangents; },
      [f, x, where](const Vars& u) { return vjp(f, x, where).pullback.consume(u); }};
  Space range = range_of(count.out);
  return std::make_shared<Derivative>(std::move(rules), at, std::move(count), std::move(range),
                                      options, "jacobian");
}

LinearMap jacobian_map(std::shared_ptr<const Derivative> derivative) {
  return LinearMap(std::make_shared<Jacobian>(std::move(derivative)));
}

LinearMap jacobian_map(const Function& f, const Point& at, MapOptions options, Site where) {
  return jacobian_map(derivative_of(f, at, options, where));
}

LinearMap hessian_map(const Function& loss, const Point& at, MapOptions options, Site where) {
  const Function value = first_of(loss, where), gradient = grad(value, {}, where);
  auto gradient_and_value = [&](const Vars& x) {
    ValueAndGrad r = value_and_grad(value, x, {}, where);
    r.grads.push_back(r.value);
    return r.grads;
  };
  FunctionCount count = counted(gradient_and_value, at.values, where);
  check_depends(count.depend.back(), 0, "hessian", where);
  count.out.clear();
  const Vars x = at.values;
  const auto product = [value, x, where](const Vars& v) {
    return hvp(value, x, v, HvpMode::reverse_over_forward, where);
  };
  return LinearMap(std::make_shared<Hessian>(
      std::make_shared<Derivative>(DerivativeRules{gradient, product, product}, at,
                                   std::move(count), at.space, options, "hessian")));
}

}  // namespace sonde
