/// @file
/// The multi-layer perceptron.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "nn/linear.hpp"

namespace sonde::nn {

/// A function of one Var without parameters, such as an activation.
using Pointwise = std::function<Var(const Var&)>;

struct MlpOptions {
  Pointwise activation;   ///< between layers; required if there is more than one
  bool last_bias = true;  ///< whether the last layer has a bias
};

/// Linear layers "layers.0", "layers.1", ... with the activation between them. x is [n, ...] and is
/// flattened to [n, sizes.front()]; the output is [n, sizes.back()].
class Mlp final : public Module {
 public:
  using Options = MlpOptions;

  /// `sizes`: inputs, hidden widths, outputs. Error(value) on fewer than two or without an
  /// activation.
  Mlp(const std::vector<std::int64_t>& sizes, philox::Key key, Options options);
  Var forward(Context& ctx, Var x) const override;
  std::string description() const override { return "Mlp"; }

 private:
  std::vector<std::unique_ptr<Linear>> layers_;
  Options options_;
};

}  // namespace sonde::nn
