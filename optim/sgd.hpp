/// @file
/// Stochastic gradient descent.
#pragma once

#include "optim/optimizer.hpp"

namespace sonde::optim {

struct SgdOptions {
  double lr = 1e-3;
  double momentum = 0, dampening = 0;
  double weight_decay = 0;  ///< adds weight_decay p to the gradient
  bool nesterov = false;    ///< needs a momentum and no dampening
  bool maximize = false;    ///< steps along the gradient instead of against it

  /// Error(value) on options out of range.
  void check() const;
  StateKinds kinds() const { return {momentum != 0 ? "momentum_buffer" : "", "", ""}; }
  void visit(const SettingVisitor& setting);
};

/// g = grad + weight_decay p;  b = momentum b + (1 - dampening) g (b = g at the first step);
/// p -= lr (nesterov ? g + momentum b : b). Without momentum p -= lr g. PyTorch's formulas, for
/// momentum after Sutskever et al., 2013.
class Sgd final : public GroupedOptimizer<SgdOptions> {
 public:
  using Options = SgdOptions;
  /// Error(value) on options out of range; the errors of Parameters.
  explicit Sgd(const Parameters& parameters, const Options& options = {},
               const Groups<Options>& groups = {})
      : GroupedOptimizer(parameters, options, groups) {}

 protected:
  void update() override;
};

}  // namespace sonde::optim
