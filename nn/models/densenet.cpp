#include "nn/models/densenet.hpp"

#include "autograd/ops.hpp"
#include "nn/init.hpp"

namespace sonde::nn {
namespace {

// Keeps the image's size.
Conv2dOptions without_bias(std::int64_t kernel) {
  return {.padding = {kernel / 2, kernel / 2}, .bias = false};
}

}  // namespace

DenseLayer::DenseLayer(std::int64_t in_channels, const DenseNetOptions& o, philox::Key key)
    : norm1_(in_channels),
      norm2_(o.bn_size * o.growth_rate),
      conv1_(in_channels, o.bn_size * o.growth_rate, 1, philox::child(key, 0), without_bias(1)),
      conv2_(o.bn_size * o.growth_rate, o.growth_rate, 3, philox::child(key, 1), without_bias(3)) {
  child("norm1", norm1_);
  child("conv1", conv1_);
  child("norm2", norm2_);
  child("conv2", conv2_);
}

Var DenseLayer::forward(Context& ctx, Var x) const {
  const Var y = conv1_(ctx, relu(norm1_(ctx, x)));
  return concat({x, conv2_(ctx, relu(norm2_(ctx, y)))}, 1);
}

DenseTransition::DenseTransition(std::int64_t in_channels, std::int64_t out_channels,
                                 philox::Key key)
    : norm_(in_channels), conv_(in_channels, out_channels, 1, key, without_bias(1)) {
  child("norm", norm_);
  child("conv", conv_);
}

Var DenseTransition::forward(Context& ctx, Var x) const {
  return avg_pool2d(conv_(ctx, relu(norm_(ctx, std::move(x)))), {2, 2});
}

DenseNet::DenseNet(const ImageSpec& spec, philox::Key key, Options o)
    : conv0_(spec.channels, o.init_features, 3, philox::child(key, 0), without_bias(3)),
      norm0_(o.init_features) {
  if (o.blocks.empty()) fail(ErrorCode::value, "densenet", "no blocks");
  child("features.conv0", conv0_);
  child("features.norm0", norm0_);
  std::int64_t channels = o.init_features;
  auto add = [&](const std::string& name, std::unique_ptr<Module> part) {
    child(name, *body_.emplace_back(std::move(part)));
  };
  for (std::size_t b = 0; b < o.blocks.size(); ++b) {
    for (std::int64_t l = 0; l < o.blocks[b]; ++l, channels += o.growth_rate)
      add(fmt::format("features.denseblock{}.denselayer{}", b + 1, l + 1),
          std::make_unique<DenseLayer>(channels, o, key));
    if (b + 1 == o.blocks.size()) break;
    add(fmt::format("features.transition{}", b + 1),
        std::make_unique<DenseTransition>(channels, channels / 2, key));
    channels /= 2;
  }
  norm5_ = std::make_unique<BatchNorm2d>(channels);
  classifier_ = std::make_unique<Linear>(channels, spec.classes, philox::child(key, 1));
  child("features.norm5", *norm5_);
  child("classifier", *classifier_);
  std::uint64_t convolutions = 0;
  for (const NamedEntry& e : named_parameters()) {
    Tensor& value = e.handle->value;
    if (value.rank() == 4)
      value = kaiming_normal(value.shape(), philox::child(key, 2 + convolutions++));
    if (e.path == "classifier.bias") value = Tensor::zeros(value.shape());
  }
}

Var DenseNet::forward(Context& ctx, Var x) const {
  x = relu(norm0_(ctx, conv0_(ctx, std::move(x))));
  x = max_pool2d(std::move(x), {3, 3}, {.stride = Size2{2, 2}, .padding = {1, 1}});
  for (const auto& part : body_) x = (*part)(ctx, std::move(x));
  return (*classifier_)(ctx, mean(relu((*norm5_)(ctx, std::move(x))), {2, 3}));
}

}  // namespace sonde::nn
