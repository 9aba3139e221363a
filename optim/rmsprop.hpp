/// @file
/// RMSprop.
#pragma once

#include "optim/optimizer.hpp"

namespace sonde::optim {

struct RmsPropOptions {
  double lr = 1e-2;
  double alpha = 0.99;
  double eps = 1e-8;
  double weight_decay = 0;  ///< adds weight_decay p to the gradient
  double momentum = 0;
  bool centered = false;  ///< divides by the deviation of the gradient from its mean
  bool maximize = false;  ///< steps along the gradient instead of against it

  /// Error(value) on options out of range.
  void check() const;
  StateKinds kinds() const {
    return {"square_avg", centered ? "grad_avg" : "", momentum != 0 ? "momentum_buffer" : ""};
  }
  void visit(const SettingVisitor& setting);
};

/// v = alpha v + (1 - alpha) g^2;  d = g / (sqrt(v) + eps);  p -= lr d, or with momentum
/// b = momentum b + d, p -= lr b. Centred: a = alpha a + (1 - alpha) g and v - a^2 in place of v.
/// Tieleman and Hinton, 2012; centred after Graves, 2013; PyTorch's formulas.
class RmsProp final : public GroupedOptimizer<RmsPropOptions> {
 public:
  using Options = RmsPropOptions;
  /// Error(value) on options out of range; the errors of Parameters.
  explicit RmsProp(const Parameters& parameters, const Options& options = {},
                   const Groups<Options>& groups = {})
      : GroupedOptimizer(parameters, options, groups) {}

 protected:
  void update() override;
};

}  // namespace sonde::optim
