/// @file
/// Adam and AdamW.
#pragma once

#include "optim/optimizer.hpp"

namespace sonde::optim {

struct AdamOptions {
  double lr = 1e-3;
  double beta1 = 0.9, beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
  bool decoupled =
      false;  ///< AdamW: p -= lr weight_decay p, instead of adding weight_decay p to the gradient
};

/// m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;
/// p -= lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps).
/// Kingma and Ba, 2015; decoupled decay after Loshchilov and Hutter, 2019.
class Adam final : public Optimizer {
 public:
  using Options = AdamOptions;
  /// Error(value) on options out of range.
  explicit Adam(Tensors parameters, Options options = {});

 protected:
  void update(Tensor& parameter, const Tensor& grad, std::span<Tensor> state) override;

 private:
  Options options_;
};

}  // namespace sonde::optim
