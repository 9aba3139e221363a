/// @file
/// Convolution layers. Images are [N, C, H, W] or [C, H, W] (1d: [N, C, L] or [C, L]).
#pragma once

#include "autograd/ops/conv.hpp"
#include "nn/module.hpp"

namespace sonde::nn {

struct Conv2dOptions {
  Size2 stride{1, 1}, padding{0, 0}, dilation{1, 1};
  std::int64_t groups = 1;
  bool bias = true;
  /// Pads with as many zeros as keep the image's size, an odd one below and on the right (PyTorch's
  /// padding="same"). Then stride is 1 and `padding` stays 0.
  bool same_padding = false;
};

/// y = conv2d(x, weight) + bias with weight [out, in / groups, *kernel_size] and bias [out]; see
/// sonde::conv2d for the formula and sizes. Padding is by zeros. Initial values are PyTorch's: both
/// uniform in [-1, 1) / sqrt(fan-in), drawn from `key`.
class Conv2d final : public Module {
 public:
  using Options = Conv2dOptions;

  /// Error(value) on sizes that are not positive, channels that do not form `groups` equal groups,
  /// or same_padding beside a stride or padding.
  Conv2d(std::int64_t in_channels, std::int64_t out_channels, Size2 kernel_size, philox::Key key,
         Options options = {});
  /// A square kernel.
  Conv2d(std::int64_t in_channels, std::int64_t out_channels, std::int64_t kernel_size,
         philox::Key key, Options options = {})
      : Conv2d(in_channels, out_channels, Size2{kernel_size, kernel_size}, key, options) {}
  /// Error(shape) if x does not have in_channels.
  Var forward(Context& ctx, Var x) const override;
  std::string description() const override;

 private:
  std::int64_t in_, out_;
  Size2 kernel_;
  Options options_;
  ConvAttrs attrs_;    // with the padding resolved
  Size2 extra_{0, 0};  // zeros below and on the right beyond attrs_.padding
  Handle weight_, bias_;
};

struct Conv1dOptions {
  std::int64_t stride = 1, padding = 0, dilation = 1, groups = 1;
  bool bias = true;
  bool same_padding = false;  ///< as in Conv2dOptions
};

/// As Conv2d, along one axis: weight [out, in / groups, kernel_size].
class Conv1d final : public Module {
 public:
  using Options = Conv1dOptions;

  Conv1d(std::int64_t in_channels, std::int64_t out_channels, std::int64_t kernel_size,
         philox::Key key, Options options = {});
  Var forward(Context& ctx, Var x) const override;
  std::string description() const override;

 private:
  std::int64_t in_, out_, kernel_;
  Options options_;
  Conv1dAttrs attrs_;
  std::int64_t extra_ = 0;
  Handle weight_, bias_;
};

}  // namespace sonde::nn
