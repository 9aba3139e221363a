/// @file
/// Dropout (Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov 2014, JMLR 15).
#pragma once

#include "nn/module.hpp"

namespace sonde::nn {

/// In training, each element becomes 0 with probability p and is divided by 1 - p otherwise: the
/// mean stays. In eval mode, or with p = 0, it is the identity. Which elements go depends on the
/// call's key and on the module's place in the tree only.
class Dropout final : public Module {
 public:
  /// Error(value) unless 0 <= p <= 1.
  explicit Dropout(double p = 0.5);
  /// Error(value) in training for a call without a key.
  Var forward(Context& ctx, Var x) const override;
  std::string description() const override;

 private:
  double p_;
};

}  // namespace sonde::nn
