/// @file
/// Losses: functions of a prediction and a target, with PyTorch's names, options and formulas. All
/// are written with public operations, so they have derivatives of every order.
///
/// Prediction and target have one shape: nothing broadcasts, Error(shape). Reductions: none keeps
/// the elements' losses, sum adds them, mean divides by their number (by the weight of what counts
/// where classes are weighted) and is NaN if that is 0.
#pragma once

#include "autograd/ops/softmax.hpp"

namespace sonde::nn {

/// Without class weights, cross-entropy is the operation of autograd/ops/softmax.hpp, one kernel
/// forward and one backward.
using sonde::cross_entropy;

struct CrossEntropyOptions {
  Var weight{};  ///< [C], one for each class; without it, all count the same
  std::int64_t ignore_index = -100;
  Reduction reduction = Reduction::mean;
  double label_smoothing = 0;
};
/// The same with PyTorch's options in a struct, class weights among them. With weights w, targets
/// q (probabilities, or one-hot, smoothed by s to (1 - s) q + s / C) and p = softmax(logits), a
/// row's loss is -sum_c w_c q_c log p_c. The mean divides by the sum of the targets' weights, or by
/// the number of rows if targets are probabilities. Error(shape, dtype, value) as there;
/// Error(shape) unless weight is [C].
Var cross_entropy(Operand logits, const Var& target, const CrossEntropyOptions& options);

struct NllLossOptions {
  Var weight{};  ///< [C]
  std::int64_t ignore_index = -100;
  Reduction reduction = Reduction::mean;
};
/// -w[target] log_probs[target] for log_probs [N, C], [N, C, d1, ...] or [C], and integer targets
/// without the axis C. Targets equal to ignore_index give 0 and do not count. Error(shape, dtype);
/// Error(axis) for a target outside the classes.
Var nll_loss(Operand log_probs, const Var& target, const NllLossOptions& options = {});

struct BceWithLogitsOptions {
  Var weight{};      ///< of each element; broadcasts to the target
  Var pos_weight{};  ///< of the positive class; broadcasts to the target
  Reduction reduction = Reduction::mean;
};
/// -(v y log s + (1 - y) log(1 - s)) with s = sigmoid(x), v = pos_weight and y the target in
/// [0, 1]; computed as (1 - y) x + (1 + (v - 1) y) log(1 + e^-x), which cannot overflow.
Var binary_cross_entropy_with_logits(Operand x, const Var& target,
                                     const BceWithLogitsOptions& options = {});

/// (x - y)^2
Var mse_loss(Operand x, const Var& target, Reduction reduction = Reduction::mean);
/// |x - y|; the derivative at 0 is 0.
Var l1_loss(Operand x, const Var& target, Reduction reduction = Reduction::mean);
/// d^2 / 2 where d = |x - y| is at most delta, delta (d - delta / 2) beyond (Huber 1964).
/// Error(value) unless delta > 0.
Var huber_loss(Operand x, const Var& target, Reduction reduction = Reduction::mean,
               double delta = 1);
/// huber_loss with delta = beta, divided by beta; l1_loss if beta is 0. Error(value) for beta < 0.
Var smooth_l1_loss(Operand x, const Var& target, Reduction reduction = Reduction::mean,
                   double beta = 1);

/// batch_mean divides the sum by the size of the first axis: the divergence of distributions.
enum class KlReduction { none, mean, sum, batch_mean };
struct KlDivOptions {
  KlReduction reduction = KlReduction::mean;
  bool log_target = false;  ///< the target holds log y
};
/// y (log y - x), element by element, where x holds log-probabilities and y is the target; 0 where
/// y = 0. Summed over classes, the Kullback-Leibler divergence of y from e^x.
Var kl_div(Operand x, const Var& target, const KlDivOptions& options = {});

}  // namespace sonde::nn
