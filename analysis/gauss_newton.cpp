#include "analysis/gauss_newton.hpp"

#include <algorithm>

#include "autograd/ops.hpp"

namespace sonde {
namespace {

using Rule = LinearMap::Rule;

class Congruence final : public Rule {
 public:
  Congruence(LinearMap t, LinearMap m, std::string name)
      : t_(std::move(t)), m_(std::move(m)), name_(std::move(name)) {
    if (m_.domain() != t_.range() || m_.range() != t_.range())
      fail(ErrorCode::shape, name_, "{} acts on {}, {} gives {}", m_.name(), to_string(m_.domain()),
           t_.name(), to_string(t_.range()));
  }
  const Space& domain() const override { return t_.domain(); }
  const Space& range() const override { return t_.domain(); }
  Tensor apply(const Tensor& v) const override {
    return t_.transpose_batch(m_.apply_batch(t_.apply_batch(v)));
  }
  Tensor transpose(const Tensor& u) const override {
    return t_.transpose_batch(m_.transpose_batch(t_.apply_batch(u)));
  }
  bool symmetric() const override { return m_.symmetric(); }
  Cost cost(std::int64_t n) const override {
    const Cost t = t_.cost(n), m = m_.cost(n);
    const double between = static_cast<double>(n * t_.range().size() * size_of(range().dtype()));
    return {2 * t.flops + m.flops, std::max(t.bytes, m.bytes) + 2 * between};
  }
  std::string name() const override { return name_; }

 private:
  const LinearMap t_, m_;
  const std::string name_;
};

Space output_space(const Tensor& z) {
  return {{"y"}, {z.shape()}, z.dtype(), z.device()};
}

// A map of the outputs' space, rule by rule as functions of vectors [n, ...z's shape].
class OutputMap final : public Rule {
 public:
  using Product = std::function<Var(const Var&)>;
  OutputMap(const Tensor& z, Product apply, Product transpose, bool symmetric, std::string name)
      : space_(output_space(z)),
        apply_(std::move(apply)),
        transpose_(std::move(transpose)),
        symmetric_(symmetric),
        name_(std::move(name)) {}
  const Space& domain() const override { return space_; }
  const Space& range() const override { return space_; }
  Tensor apply(const Tensor& v) const override { return product(apply_, v); }
  Tensor transpose(const Tensor& u) const override { return product(transpose_, u); }
  bool symmetric() const override { return symmetric_; }
  // A handful of passes, two of them kept at a time.
  Cost cost(std::int64_t n) const override {
    const auto elements = static_cast<double>(n * space_.size());
    return {6 * elements, 2 * elements * static_cast<double>(size_of(space_.dtype()))};
  }
  std::string name() const override { return name_; }

 private:
  Tensor product(const Product& f, const Tensor& v) const {
    return space_.flatten(make_vars(f(space_.unflatten(v)[0])));
  }
  const Space space_;
  const Product apply_, transpose_;
  const bool symmetric_;
  const std::string name_;
};

// factor times the sum over samples i and draws s of g_is g_is', g [samples, draws, elements].
LinearMap score_map(const Tensor& z, const Var& g, double factor) {
  const std::int64_t samples = g.size(0), elements = g.size(2);
  const auto product = [g, samples, elements, factor](const Var& v) {
    const std::int64_t n = v.size(0);
    const Var by_sample = permute(reshape(v, {n, samples, elements}), {1, 0, 2});
    const Var sums = matmul(matmul(by_sample, g, {.b = true}), g);
    return mul(reshape(permute(sums, {1, 0, 2}), v.shape()), factor);
  };
  return LinearMap(std::make_shared<OutputMap>(z, product, product, true, "scores"));
}

LinearMap root_transposed_map(const LikelihoodPtr& loss, const Tensor& z) {
  return LinearMap(std::make_shared<OutputMap>(
      z, [loss, z](const Var& v) { return loss->root_transposed_product(z, v); },
      [loss, z](const Var& v) { return loss->root_product(z, v); }, false, "root"));
}

std::shared_ptr<const Derivative> of_outputs(const Function& outputs, const Point& at,
                                             MapOptions options, Site where) {
  auto derivative = derivative_of(outputs, at, options, where);
  if (derivative->out().size() != 1)
    throw Error(ErrorCode::usage, "gauss_newton",
                fmt::format("the network returned {} tensors", derivative->out().size()),
                "return the one that the loss takes")
        .at(where);
  return derivative;
}

// [samples, 1, elements]
Var by_sample(const Likelihood& loss, const Var& scores) {
  const std::int64_t samples = loss.samples(scores);
  return reshape(scores, {samples, 1, samples == 0 ? 0 : scores.numel() / samples});
}

}  // namespace

LinearMap congruence(const LinearMap& t, const LinearMap& m, std::string name) {
  return LinearMap(std::make_shared<Congruence>(t, m, std::move(name)));
}

LinearMap output_hessian_map(const OutputLossPtr& loss, const Tensor& z) {
  const auto product = [loss, z](const Var& v) { return loss->hessian_product(z, v); };
  return LinearMap(std::make_shared<OutputMap>(z, product, product, true, "output hessian"));
}

LinearMap gauss_newton_map(const Function& outputs, const OutputLossPtr& loss, const Point& at,
                           MapOptions options, Site where) {
  const auto d = of_outputs(outputs, at, options, where);
  const LinearMap curvature = output_hessian_map(loss, d->out()[0].tensor());
  return congruence(jacobian_map(d), curvature, "gauss-newton");
}

LinearMap functional_map(const Function& outputs, const OutputLossPtr& loss, const Point& at,
                         MapOptions options, Site where) {
  const Var g = loss->gradient(outputs(at.values)[0]);
  const auto along_g = [outputs, g](const Vars& x) { return sum(mul(outputs(x)[0], g)); };
  return hessian_map(along_g, at, options, where);
}

HessianParts hessian_parts(const Function& outputs, const OutputLossPtr& loss, const Point& at,
                           MapOptions options, Site where) {
  const auto of_x = [outputs, loss](const Vars& x) { return loss->value(outputs(x)[0]); };
  const LinearMap h = hessian_map(of_x, at, options, where),
                  g = gauss_newton_map(outputs, loss, at, options, where);
  return {h, g, h - g};
}

PairedProducts paired_products(const HessianParts& parts, const Tensor& vectors) {
  const Tensor h = parts.hessian.apply_batch(vectors), g = parts.gauss_newton.apply_batch(vectors);
  return {h, g, sub(h, g).tensor()};
}

LinearMap fisher_map(const Function& outputs, const LikelihoodPtr& loss, const Point& at,
                     MapOptions options, Site where) {
  const auto d = of_outputs(outputs, at, options, where);
  const LinearMap root = root_transposed_map(loss, d->out()[0].tensor());
  return congruence(root * jacobian_map(d), identity_map(root.range()), "fisher");
}

LinearMap empirical_fisher_map(const Function& outputs, const LikelihoodPtr& loss, const Point& at,
                               MapOptions options, Site where) {
  const auto d = of_outputs(outputs, at, options, where);
  const Tensor z = d->out()[0].tensor();
  const Var g = by_sample(*loss, loss->scores(z));
  return congruence(jacobian_map(d), score_map(z, g, loss->scale()), "empirical fisher");
}

LinearMap monte_carlo_fisher_map(const Function& outputs, const LikelihoodPtr& loss,
                                 const Point& at, const Var& key, std::int64_t draws,
                                 MapOptions options, Site where) {
  if (draws < 1) fail(ErrorCode::value, "monte_carlo_fisher", "draws is {}", draws);
  const auto d = of_outputs(outputs, at, options, where);
  const Tensor z = d->out()[0].tensor();
  const Var here = to(key, z.device());
  Vars scores;
  for (std::int64_t s = 0; s < draws; ++s)
    scores.push_back(by_sample(*loss, loss->drawn_scores(z, fold_in(here, s))));
  const double factor = loss->scale() / static_cast<double>(draws);
  return congruence(jacobian_map(d), score_map(z, concat(scores, 1), factor), "Monte-Carlo fisher");
}

}  // namespace sonde
