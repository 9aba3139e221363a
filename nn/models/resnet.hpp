/// @file
/// Residual networks for small images.
#pragma once

#include <memory>
#include <vector>

#include "nn/batch_norm.hpp"
#include "nn/conv.hpp"
#include "nn/linear.hpp"
#include "nn/models/image.hpp"
#include "nn/models/local.hpp"

namespace sonde::nn {

struct ResNetOptions {
  std::vector<std::int64_t> widths = {64, 128, 256, 512};  ///< channels of each stage
  std::vector<std::int64_t> blocks = {2, 2, 2, 2};         ///< blocks of each stage
};

/// relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x)) with 3x3 convolutions without bias. The
/// shortcut is x, or where the shape changes a 1x1 convolution "shortcut.0" and a norm
/// "shortcut.1".
class ResNetBlock final : public Module {
 public:
  ResNetBlock(std::int64_t in_channels, std::int64_t out_channels, std::int64_t stride,
              philox::Key key);
  Var forward(Context& ctx, Var x) const override;
  std::string description() const override { return "ResNetBlock"; }

 private:
  struct Shortcut {
    Conv2d conv;
    BatchNorm2d norm;
  };
  Conv2d conv1_, conv2_;
  BatchNorm2d norm1_, norm2_;
  std::unique_ptr<Shortcut> shortcut_;
};

/// The residual network of He, Zhang, Ren and Sun (2015, arXiv:1512.03385) in its form for images
/// of 32 x 32: a 3x3 convolution of stride 1, stages "layer1", "layer2", ... of which all but the
/// first halve the image, the mean over positions, "linear". The names are those that
/// github.com/kuangliu/pytorch-cifar made common. The default is ResNet-18, 11 173 962 parameters;
/// widths {16, 32, 64} with one block each make ResNet-8.
class ResNet final : public Module, public LocalFirst {
 public:
  using Options = ResNetOptions;

  /// Error(value) unless there are as many widths as blocks, and some.
  ResNet(const ImageSpec& spec, philox::Key key, Options options = {});
  Var forward(Context& ctx, Var x) const override { return rest(ctx, local(ctx, std::move(x))); }
  Reach reach() const override;
  /// The first convolution and "layer1", which keep the image's size.
  Var local(Context& ctx, Var x) const override;
  Var rest(Context& ctx, Var maps) const override;
  std::string description() const override { return "ResNet"; }

 private:
  std::unique_ptr<Conv2d> conv_;
  std::unique_ptr<BatchNorm2d> norm_;
  std::vector<std::unique_ptr<ResNetBlock>> blocks_;
  std::size_t local_blocks_ = 0;  // those of "layer1"
  std::unique_ptr<Linear> linear_;
};

}  // namespace sonde::nn
