/// @file
/// Stochastic gradient descent.
#pragma once

#include "optim/optimizer.hpp"

namespace sonde::optim {

struct SgdOptions {
  double lr = 1e-2;
  double momentum = 0;
  bool nesterov = false;    ///< needs a momentum
  double weight_decay = 0;  ///< adds weight_decay * p to the gradient
};

/// g = grad + weight_decay p;  b = momentum b + g (b = g at the first step);  p -= lr (nesterov ? g
/// + momentum b : b). Without momentum p -= lr g. PyTorch's formulas, for momentum after Sutskever
/// et al., 2013.
class Sgd final : public Optimizer {
 public:
  using Options = SgdOptions;
  /// Error(value) on options out of range.
  explicit Sgd(Tensors parameters, Options options = {});

 protected:
  void update(Tensor& parameter, const Tensor& grad, std::span<Tensor> state) override;

 private:
  Options options_;
};

}  // namespace sonde::optim
