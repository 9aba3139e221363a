/// @file
/// Losses as functions of a network's outputs, with their Hessians with respect to the outputs in
/// closed form: what Gauss-Newton and Fisher matrices are made of.
#pragma once

#include <memory>
#include <string>

#include "autograd/transforms.hpp"
#include "nn/loss.hpp"

namespace sonde {

/// A scalar loss of the outputs z [...].
class OutputLoss {
 public:
  virtual ~OutputLoss() = default;
  virtual std::string name() const = 0;
  /// The loss, a scalar.
  virtual Var value(const Var& z) const = 0;
  /// d loss / dz, of z's shape.
  Var gradient(const Var& z) const;
  /// H v for every v of vectors [n, ...z's shape], H = d2 loss / dz2. This one differentiates
  /// value().
  virtual Var hessian_product(const Var& z, const Var& vectors) const;
};
using OutputLossPtr = std::shared_ptr<const OutputLoss>;

/// A loss that is scale() times the negative log-likelihoods of samples, which lie along z's first
/// axis and are independent given z. Its Hessian is positive semidefinite and equals scale() times
/// the sum of the scores' covariances, so that Gauss-Newton and Fisher matrix are one.
class Likelihood : public OutputLoss {
 public:
  /// Factor of the reduction: 1 for sum, one over the number of terms for mean.
  virtual double scale() const = 0;
  /// Number of samples in z.
  virtual std::int64_t samples(const Var& z) const { return z.rank() == 0 ? 1 : z.size(0); }
  /// S w and S' v where S S' = H, for the rows of [n, ...z's shape]; S is square.
  virtual Var root_product(const Var& z, const Var& vectors) const = 0;
  virtual Var root_transposed_product(const Var& z, const Var& vectors) const = 0;
  /// d (sum of the samples' losses) / dz, by the targets.
  Var scores(const Var& z) const;
  /// The same with targets drawn from the model that z describes, by `key` (i64[2]).
  virtual Var drawn_scores(const Var& z, const Var& key) const = 0;
};
using LikelihoodPtr = std::shared_ptr<const Likelihood>;

struct CrossEntropyLossOptions {
  Reduction reduction = Reduction::mean;
  std::int64_t ignore_index = -100;
  double label_smoothing = 0;
};
/// cross_entropy(z, target, ...) of autograd/ops/softmax.hpp for logits [N, C], [N, C, d1, ...] or
/// [C]. With p = softmax(z) a row's Hessian is diag(p) - p p', its product p (v - <p, v>) and its
/// root diag(sqrt p) - p sqrt(p)': no matrix of classes times classes. Error(value) for reduction
/// none.
LikelihoodPtr cross_entropy_loss(Var target, CrossEntropyLossOptions options = {});

/// nn::mse_loss(z, target, reduction): the Gaussian of variance 1/2, Hessian 2 scale. Error(value)
/// for reduction none.
LikelihoodPtr mse_loss(Var target, Reduction reduction = Reduction::mean);

/// nn::binary_cross_entropy_with_logits: with s = sigmoid(z), Hessian scale w s (1 - s), where w is
/// the weight of an element, weight (1 + (pos_weight - 1) target). Error(value) for reduction none.
LikelihoodPtr bce_with_logits_loss(Var target, nn::BceWithLogitsOptions options = {});

/// Any function of the outputs; its Hessian is autograd's.
OutputLossPtr function_loss(Function loss, std::string name = "loss");

}  // namespace sonde
