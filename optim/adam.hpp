/// @file
/// Adam and AdamW.
#pragma once

#include "optim/optimizer.hpp"

namespace sonde::optim {

struct AdamOptions {
  double lr = 1e-3;
  std::array<double, 2> betas{0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;
  bool amsgrad = false;   ///< the greatest v so far in place of v (Reddi et al., 2018)
  bool maximize = false;  ///< steps along the gradient instead of against it
  /// AdamW: p -= lr weight_decay p, instead of adding weight_decay p to the gradient.
  bool decoupled_weight_decay = false;

  /// Error(value) on options out of range.
  void check() const;
  StateKinds kinds() const { return {"exp_avg", "exp_avg_sq", amsgrad ? "max_exp_avg_sq" : ""}; }
  void visit(const SettingVisitor& setting);
};

/// m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;
/// p -= lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps), where t counts the parameter's own
/// steps. Kingma and Ba, 2015; decoupled decay after Loshchilov and Hutter, 2019.
class Adam : public GroupedOptimizer<AdamOptions> {
 public:
  using Options = AdamOptions;
  /// Error(value) on options out of range; the errors of Parameters.
  explicit Adam(const Parameters& parameters, const Options& options = {},
                const Groups<Options>& groups = {})
      : GroupedOptimizer(parameters, options, groups) {}

 protected:
  void update() override;
};

/// Adam with decoupled weight decay, by default of 0.01.
class AdamW final : public Adam {
 public:
  struct Options {
    double lr = 1e-3;
    std::array<double, 2> betas{0.9, 0.999};
    double eps = 1e-8;
    double weight_decay = 1e-2;
    bool amsgrad = false;
    bool maximize = false;
  };
  /// Groups change an AdamOptions.
  explicit AdamW(const Parameters& parameters, const Options& options,
                 const Groups<AdamOptions>& groups = {});
  explicit AdamW(const Parameters& parameters) : AdamW(parameters, Options()) {}
};

}  // namespace sonde::optim
