/// @file
/// The affine layer.
#pragma once

#include "nn/module.hpp"

namespace sonde::nn {

struct LinearOptions {
  bool bias = true;
};

/// y = x W' + b with W [out, in] ("weight") and b [out] ("bias"). x is [..., in], y is [..., out].
/// Initial values are PyTorch's: both uniform in [-1, 1) / sqrt(in), drawn from `key`.
class Linear final : public Module {
 public:
  using Options = LinearOptions;

  /// Error(value) unless both sizes are positive.
  Linear(std::int64_t in, std::int64_t out, philox::Key key, Options options = {});
  Var forward(Context& ctx, Var x) const override;
  std::string description() const override;

 private:
  std::int64_t in_, out_;
  Handle weight_, bias_;
};

}  // namespace sonde::nn
