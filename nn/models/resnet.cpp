#include "nn/models/resnet.hpp"

#include "autograd/ops.hpp"

namespace sonde::nn {
namespace {

Conv2dOptions without_bias(std::int64_t stride, std::int64_t padding) {
  return {.stride = {stride, stride}, .padding = {padding, padding}, .bias = false};
}

}  // namespace

ResNetBlock::ResNetBlock(std::int64_t in_channels, std::int64_t out_channels, std::int64_t stride,
                         philox::Key key)
    : conv1_(in_channels, out_channels, {3, 3}, philox::child(key, 0), without_bias(stride, 1)),
      conv2_(out_channels, out_channels, {3, 3}, philox::child(key, 1), without_bias(1, 1)),
      norm1_(out_channels),
      norm2_(out_channels) {
  child("conv1", conv1_);
  child("bn1", norm1_);
  child("conv2", conv2_);
  child("bn2", norm2_);
  if (stride == 1 && in_channels == out_channels) return;
  shortcut_.reset(new Shortcut{
      {in_channels, out_channels, {1, 1}, philox::child(key, 2), without_bias(stride, 0)},
      BatchNorm2d(out_channels)});
  child("shortcut.0", shortcut_->conv);
  child("shortcut.1", shortcut_->norm);
}

Var ResNetBlock::forward(Context& ctx, Var x) const {
  Var y = relu(norm1_(ctx, conv1_(ctx, x)));
  y = norm2_(ctx, conv2_(ctx, std::move(y)));
  if (shortcut_) x = shortcut_->norm(ctx, shortcut_->conv(ctx, std::move(x)));
  return relu(add(std::move(y), std::move(x)));
}

ResNet::ResNet(const ImageSpec& spec, philox::Key key, Options options) {
  const auto& [widths, blocks] = options;
  if (widths.empty() || widths.size() != blocks.size())
    fail(ErrorCode::value, "resnet", "{} widths, {} numbers of blocks", widths.size(),
         blocks.size());
  local_blocks_ = static_cast<std::size_t>(blocks[0]);
  std::int64_t channels = widths[0];
  conv_ = std::make_unique<Conv2d>(spec.channels, channels, Size2{3, 3}, philox::child(key, 0),
                                   without_bias(1, 1));
  norm_ = std::make_unique<BatchNorm2d>(channels);
  child("conv1", *conv_);
  child("bn1", *norm_);
  for (std::size_t stage = 0; stage < widths.size(); ++stage)
    for (std::int64_t k = 0; k < blocks[stage]; ++k) {
      const std::int64_t stride = stage > 0 && k == 0 ? 2 : 1;
      blocks_.push_back(std::make_unique<ResNetBlock>(channels, widths[stage], stride,
                                                      philox::child(key, 2 + blocks_.size())));
      child(fmt::format("layer{}.{}", stage + 1, k), *blocks_.back());
      channels = widths[stage];
    }
  linear_ = std::make_unique<Linear>(channels, spec.classes, philox::child(key, 1));
  child("linear", *linear_);
}

// A 3x3 convolution sees one pixel to each side; each block has two.
Reach ResNet::reach() const {
  const auto side = 1 + 2 * static_cast<std::int64_t>(local_blocks_);
  return {.stride = 1, .before = side, .after = side};
}

Var ResNet::local(Context& ctx, Var x) const {
  x = relu((*norm_)(ctx, (*conv_)(ctx, std::move(x))));
  for (std::size_t i = 0; i < local_blocks_; ++i) x = (*blocks_[i])(ctx, std::move(x));
  return x;
}

Var ResNet::rest(Context& ctx, Var maps) const {
  for (std::size_t i = local_blocks_; i < blocks_.size(); ++i)
    maps = (*blocks_[i])(ctx, std::move(maps));
  return (*linear_)(ctx, mean(maps, {2, 3}));
}

}  // namespace sonde::nn
