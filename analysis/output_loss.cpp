#include "analysis/output_loss.hpp"

#include <cmath>

#include "autograd/ops.hpp"

namespace sonde {
namespace {

void check_reduction(Reduction reduction, std::string_view name) {
  if (reduction == Reduction::none)
    fail_hint(ErrorCode::value, name, "take sum or mean",
              "a loss with reduction none is no scalar");
}

double scale_of(Reduction reduction, double count) {
  return reduction == Reduction::sum ? 1 : 1 / count;
}

double count_of(const Var& target) {
  return static_cast<double>(target.numel());
}

class Mse final : public Likelihood {
 public:
  Mse(Var target, Reduction reduction) : target_(std::move(target)), reduction_(reduction) {
    check_reduction(reduction, name());
  }
  std::string name() const override { return "mse"; }
  Var value(const Var& z) const override { return nn::mse_loss(z, target_, reduction_); }
  double scale() const override { return scale_of(reduction_, count_of(target_)); }
  Var hessian_product(const Var&, const Var& v) const override { return mul(v, 2 * scale()); }
  Var root_product(const Var&, const Var& v) const override {
    return mul(v, std::sqrt(2 * scale()));
  }
  Var root_transposed_product(const Var& z, const Var& v) const override {
    return root_product(z, v);
  }
  // Targets are z + noise of variance 1/2, the gradient of (z - y)^2 is -2 noise.
  Var drawn_scores(const Var& z, const Var& key) const override {
    return normal(key, z.shape(), 0, std::sqrt(2.0), z.dtype());
  }

 private:
  const Var target_;
  const Reduction reduction_;
};

class BceWithLogits final : public Likelihood {
 public:
  BceWithLogits(Var target, nn::BceWithLogitsOptions options)
      : target_(std::move(target)), options_(std::move(options)) {
    check_reduction(options_.reduction, name());
    if (options_.pos_weight) weight_ = add(mul(sub(options_.pos_weight, 1.0), target_), 1.0);
    if (options_.weight) weight_ = weight_ ? mul(weight_, options_.weight) : options_.weight;
  }
  std::string name() const override { return "bce_with_logits"; }
  Var value(const Var& z) const override {
    return nn::binary_cross_entropy_with_logits(z, target_, options_);
  }
  double scale() const override { return scale_of(options_.reduction, count_of(target_)); }
  Var hessian_product(const Var& z, const Var& v) const override {
    return mul(v, mul(curvature(z), scale()));
  }
  Var root_product(const Var& z, const Var& v) const override {
    return mul(v, sqrt(mul(curvature(z), scale())));
  }
  Var root_transposed_product(const Var& z, const Var& v) const override {
    return root_product(z, v);
  }
  Var drawn_scores(const Var& z, const Var& key) const override {
    const Var s = sigmoid(z), y = lt(uniform(key, z.shape(), 0, 1, z.dtype()), s);
    const Var score = sub(s, to(y, z.dtype()));
    return weight_ ? mul(score, sqrt(weight_)) : score;
  }

 private:
  Var curvature(const Var& z) const {
    const Var s = sigmoid(z), plain = mul(s, sub(1.0, s));
    return weight_ ? mul(plain, weight_) : plain;
  }
  const Var target_;
  const nn::BceWithLogitsOptions options_;
  Var weight_;  // of each element; empty: 1
};

class AnyLoss final : public OutputLoss {
 public:
  AnyLoss(Function loss, std::string name) : loss_(std::move(loss)), name_(std::move(name)) {}
  std::string name() const override { return name_; }
  Var value(const Var& z) const override { return loss_(z); }

 private:
  const Function loss_;
  const std::string name_;
};

}  // namespace

Var OutputLoss::gradient(const Var& z) const {
  return grad([this](const Var& x) { return value(x); })(z);
}

Var OutputLoss::hessian_product(const Var& z, const Var& vectors) const {
  const Function loss = [this](const Var& x) { return value(x); };
  return vmap([&](const Var& v) { return hvp(loss, make_vars(z), make_vars(v))[0]; })(vectors);
}

Var Likelihood::scores(const Var& z) const {
  return div(gradient(z), scale());
}

LikelihoodPtr mse_loss(Var target, Reduction reduction) {
  return std::make_shared<Mse>(std::move(target), reduction);
}

LikelihoodPtr bce_with_logits_loss(Var target, nn::BceWithLogitsOptions options) {
  return std::make_shared<BceWithLogits>(std::move(target), std::move(options));
}

OutputLossPtr function_loss(Function loss, std::string name) {
  return std::make_shared<AnyLoss>(std::move(loss), std::move(name));
}

}  // namespace sonde
