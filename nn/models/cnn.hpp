/// @file
/// A small convolutional network.
#pragma once

#include <optional>

#include "nn/batch_norm.hpp"
#include "nn/conv.hpp"
#include "nn/linear.hpp"
#include "nn/models/image.hpp"
#include "nn/models/local.hpp"

namespace sonde::nn {

struct CnnOptions {
  std::int64_t width = 32, hidden = 128;
  double negative_slope = 0.01;  ///< of the leaky ReLUs
  bool batch_norm = false;       ///< after each convolution
};

/// Two 3x3 convolutions without padding ("conv_layer1", "conv_layer2") with a leaky ReLU between,
/// maxima of 2x2, then linear layers "fc1" and "fc2" with a leaky ReLU between: ConvNeuralNet of
/// Vasudeva et al. (arXiv:2403.06925), 600 810 parameters on 28 x 28 x 1. Batch norms are "bn1",
/// "bn2".
class Cnn final : public Module, public LocalFirst {
 public:
  using Options = CnnOptions;

  /// Error(value) if the image is too small.
  Cnn(const ImageSpec& spec, philox::Key key, Options options = {});
  Var forward(Context& ctx, Var x) const override { return rest(ctx, local(ctx, std::move(x))); }
  Reach reach() const override { return {.stride = 2, .before = 0, .after = 5}; }
  /// The convolutions and the maxima.
  Var local(Context& ctx, Var x) const override;
  Var rest(Context& ctx, Var maps) const override;
  std::string description() const override { return "Cnn"; }

 private:
  Options options_;
  Conv2d conv1_, conv2_;
  std::optional<BatchNorm2d> norm1_, norm2_;
  Linear fc1_, fc2_;
};

}  // namespace sonde::nn
