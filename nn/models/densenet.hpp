/// @file
/// Densely connected networks for small images.
#pragma once

#include <memory>
#include <vector>

#include "nn/batch_norm.hpp"
#include "nn/conv.hpp"
#include "nn/linear.hpp"
#include "nn/models/image.hpp"

namespace sonde::nn {

struct DenseNetOptions {
  std::int64_t growth_rate = 32;                       ///< channels each layer adds
  std::vector<std::int64_t> blocks = {6, 12, 24, 16};  ///< layers of each dense block
  std::int64_t init_features = 64;                     ///< channels of the first convolution
  std::int64_t bn_size = 4;  ///< a layer's 1x1 convolution has bn_size * growth_rate channels
};

/// concat(x, conv2(relu(norm2(conv1(relu(norm1(x))))))) with a 1x1 and a 3x3 convolution.
class DenseLayer final : public Module {
 public:
  DenseLayer(std::int64_t in_channels, const DenseNetOptions& options, philox::Key key);
  Var forward(Context& ctx, Var x) const override;
  std::string description() const override { return "DenseLayer"; }

 private:
  BatchNorm2d norm1_, norm2_;
  Conv2d conv1_, conv2_;
};

/// Between two dense blocks: norm, ReLU, a 1x1 convolution to half the channels, means of 2x2.
class DenseTransition final : public Module {
 public:
  DenseTransition(std::int64_t in_channels, std::int64_t out_channels, philox::Key key);
  Var forward(Context& ctx, Var x) const override;
  std::string description() const override { return "DenseTransition"; }

 private:
  BatchNorm2d norm_;
  Conv2d conv_;
};

/// DenseNet-BC (Huang, Liu, van der Maaten and Weinberger 2016, arXiv:1608.06993) as the
/// sensitivity paper's code has it for images of 32 x 32: torchvision's network and names
/// ("features.conv0", "features.denseblock1.denselayer1.norm1", "features.transition1.conv",
/// "features.norm5", "classifier"), with a first convolution of 3x3 and stride 1, and the maxima of
/// 3x3 with stride 2 behind it kept. Convolutions have no bias and begin Kaiming-normal, the
/// classifier's bias at 0. The default is DenseNet-121: 6 956 426 parameters.
class DenseNet final : public Module {
 public:
  using Options = DenseNetOptions;

  /// Error(value) without blocks.
  DenseNet(const ImageSpec& spec, philox::Key key, Options options = {});
  Var forward(Context& ctx, Var x) const override;
  std::string description() const override { return "DenseNet"; }

 private:
  Conv2d conv0_;
  BatchNorm2d norm0_;
  std::vector<std::unique_ptr<Module>> body_;  // dense layers and transitions, in order
  std::unique_ptr<BatchNorm2d> norm5_;
  std::unique_ptr<Linear> classifier_;
};

}  // namespace sonde::nn
