#include "nn/loss.hpp"

#include <algorithm>

#include "autograd/ops.hpp"
#include "autograd/promote.hpp"

namespace sonde::nn {
namespace {

Var reduced(Var loss, Reduction reduction) {
  switch (reduction) {
    case Reduction::none:
      return loss;
    case Reduction::sum:
      return sum(std::move(loss));
    case Reduction::mean:
      return mean(std::move(loss));
  }
  fail(ErrorCode::value, "loss", "no such reduction");
}

// The prediction, of the target's shape.
Var same_shape(const Operand& x, const Var& target, std::string_view op) {
  Var prediction = as_var(x);
  if (!(prediction.shape() == target.shape()))
    throw Error(ErrorCode::shape, op,
                fmt::format("prediction {} and target {} differ in shape", prediction.spec(),
                            target.spec()))
        .at(x.where);
  return prediction;
}

Var difference(const Operand& x, const Var& target, std::string_view op) {
  return sub({same_shape(x, target, op), x.where}, target);
}

// Where logits of rank 1 are one sample.
int class_axis(const Var& x) {
  return x.rank() == 1 ? 0 : 1;
}

void check_weight(const Var& weight, const Var& x, std::string_view op) {
  const int axis = class_axis(x);
  if (weight && (x.rank() <= axis || !(weight.shape() == Dims{x.size(axis)})))
    fail(ErrorCode::shape, op, "weight {} for classes of {}", weight.spec(), x.spec());
}

// Per-class values beside x.
Var along_classes(const Var& weight, const Var& x) {
  Dims shape = Dims::filled(x.rank(), 1);
  shape[class_axis(x)] = weight.numel();
  return reshape(weight, shape);
}

// Each row's weight: that of its class, 0 if it is ignored.
Var row_weights(const Var& weight, const Var& safe_target, const Var& ignored) {
  return where(ignored, 0.0, take(weight, safe_target, 0));
}

Var weighted_mean(const Var& loss, const Var& weights, Reduction reduction) {
  if (reduction != Reduction::mean) return reduced(loss, reduction);
  return div(sum(loss), sum(weights));
}

// Targets that are classes.
Var weighted_cross_entropy(const Var& x, const Var& target, const CrossEntropyOptions& o) {
  const double s = o.label_smoothing;
  const Var plain = cross_entropy(x, target, Reduction::none, o.ignore_index);
  const Var ignored = eq(target, static_cast<double>(o.ignore_index));
  const Var weights = row_weights(o.weight, where(ignored, 0.0, target), ignored);
  Var loss = mul(plain, mul(weights, 1 - s));
  if (s != 0) {
    const Var all =
        neg(sum(mul(log_softmax(x, class_axis(x)), along_classes(o.weight, x)), {class_axis(x)}));
    const auto classes = static_cast<double>(x.size(class_axis(x)));
    loss = add(loss, where(ignored, 0.0, mul(all, s / classes)));
  }
  return weighted_mean(loss, weights, o.reduction);
}

// Targets that are probabilities: -sum_c w_c q_c log p_c is the plain loss for w q.
Var weighted_soft_cross_entropy(const Var& x, const Var& target, const CrossEntropyOptions& o) {
  same_shape(x, target, "cross_entropy");
  const auto classes = static_cast<double>(x.size(class_axis(x)));
  const Var smoothed =
      add(mul(target, 1 - o.label_smoothing), o.label_smoothing / std::max(classes, 1.0));
  return cross_entropy(x, mul(smoothed, along_classes(o.weight, x)), o.reduction);
}

// y log y, with its limit 0 at 0.
Var x_log_x(const Var& y) {
  return mul(y, log(where(eq(y, 0.0), 1.0, y)));
}

}  // namespace

Var cross_entropy(Operand logits, const Var& target, const CrossEntropyOptions& o) {
  if (!o.weight)
    return cross_entropy(std::move(logits), target, o.reduction, o.ignore_index, o.label_smoothing);
  const Var x = as_var(std::move(logits));
  check_weight(o.weight, x, "cross_entropy");
  if (!(o.label_smoothing >= 0 && o.label_smoothing <= 1))
    fail(ErrorCode::value, "cross_entropy", "label_smoothing {} is not in [0, 1]",
         o.label_smoothing);
  return is_float(target.dtype()) ? weighted_soft_cross_entropy(x, target, o)
                                  : weighted_cross_entropy(x, target, o);
}

Var nll_loss(Operand log_probs, const Var& target, const NllLossOptions& o) {
  const Var x = as_var(std::move(log_probs));
  check_weight(o.weight, x, "nll_loss");
  const int axis = class_axis(x);
  Dims rows = x.shape();
  if (x.rank() > axis) rows.erase(axis);
  if (x.rank() <= axis || !(target.shape() == rows))
    fail(ErrorCode::shape, "nll_loss", "log-probabilities {} and targets {}", x.spec(),
         target.spec());
  const Var ignored = eq(target, static_cast<double>(o.ignore_index));
  const Var safe = where(ignored, 0.0, target);
  const Var picked = squeeze(gather(x, axis, unsqueeze(safe, axis)), axis);
  const Var weights =
      o.weight ? row_weights(o.weight, safe, ignored) : to(logical_not(ignored), x.dtype());
  return weighted_mean(where(ignored, 0.0, neg(mul(picked, weights))), weights, o.reduction);
}

// log(1 + e^-x) is softplus(-x), taken as -x only where the difference is below rounding.
Var binary_cross_entropy_with_logits(Operand logits, const Var& target,
                                     const BceWithLogitsOptions& o) {
  const Var x = same_shape(logits, target, "binary_cross_entropy_with_logits");
  Var log_term = softplus(neg(x), 1, 40);
  if (o.pos_weight)
    log_term =
        mul(log_term, add(mul(sub(broadcast_to(o.pos_weight, x.shape()), 1.0), target), 1.0));
  Var loss = add(mul(sub(1.0, target), x), log_term);
  if (o.weight) loss = mul(loss, broadcast_to(o.weight, x.shape()));
  return reduced(std::move(loss), o.reduction);
}

Var mse_loss(Operand x, const Var& target, Reduction reduction) {
  return reduced(square(difference(x, target, "mse_loss")), reduction);
}

Var l1_loss(Operand x, const Var& target, Reduction reduction) {
  return reduced(abs(difference(x, target, "l1_loss")), reduction);
}

// With c = d limited to [-delta, delta], both pieces are c (d - c / 2).
Var huber_loss(Operand x, const Var& target, Reduction reduction, double delta) {
  if (!(delta > 0)) fail(ErrorCode::value, "huber_loss", "delta {} is not positive", delta);
  const Var d = difference(x, target, "huber_loss"), c = clamp(d, -delta, delta);
  return reduced(mul(c, sub(d, mul(c, 0.5))), reduction);
}

Var smooth_l1_loss(Operand x, const Var& target, Reduction reduction, double beta) {
  if (!(beta >= 0)) fail(ErrorCode::value, "smooth_l1_loss", "beta {} is negative", beta);
  if (beta == 0) return l1_loss(std::move(x), target, reduction);
  return div(huber_loss(std::move(x), target, reduction, beta), beta);
}

Var kl_div(Operand log_probs, const Var& target, const KlDivOptions& o) {
  const Var x = same_shape(log_probs, target, "kl_div");
  const Var loss =
      o.log_target ? mul(exp(target), sub(target, x)) : sub(x_log_x(target), mul(target, x));
  switch (o.reduction) {
    case KlReduction::none:
      return loss;
    case KlReduction::mean:
      return mean(loss);
    case KlReduction::sum:
      return sum(loss);
    case KlReduction::batch_mean:
      return div(sum(loss), static_cast<double>(x.size(0)));
  }
  fail(ErrorCode::value, "kl_div", "no such reduction");
}

}  // namespace sonde::nn
