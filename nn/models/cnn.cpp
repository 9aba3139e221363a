#include "nn/models/cnn.hpp"

#include "autograd/ops.hpp"

namespace sonde::nn {
namespace {

// Elements of the image after two convolutions and the pool.
std::int64_t features(const ImageSpec& spec, std::int64_t width) {
  if (spec.height < 6 || spec.width < 6)
    fail(ErrorCode::value, "cnn", "an image of {} x {} leaves nothing to classify", spec.height,
         spec.width);
  return width * ((spec.height - 4) / 2) * ((spec.width - 4) / 2);
}

}  // namespace

Cnn::Cnn(const ImageSpec& spec, philox::Key key, Options options)
    : options_(options),
      conv1_(spec.channels, options.width, {3, 3}, philox::child(key, 0)),
      conv2_(options.width, options.width, {3, 3}, philox::child(key, 1)),
      fc1_(features(spec, options.width), options.hidden, philox::child(key, 2)),
      fc2_(options.hidden, spec.classes, philox::child(key, 3)) {
  child("conv_layer1", conv1_);
  child("conv_layer2", conv2_);
  if (options.batch_norm) {
    child("bn1", norm1_.emplace(options.width));
    child("bn2", norm2_.emplace(options.width));
  }
  child("fc1", fc1_);
  child("fc2", fc2_);
}

Var Cnn::local(Context& ctx, Var x) const {
  x = conv1_(ctx, std::move(x));
  if (norm1_) x = (*norm1_)(ctx, std::move(x));
  x = conv2_(ctx, leaky_relu(std::move(x), options_.negative_slope));
  if (norm2_) x = (*norm2_)(ctx, std::move(x));
  return max_pool2d(std::move(x), {2, 2});
}

Var Cnn::rest(Context& ctx, Var maps) const {
  const Var hidden = fc1_(ctx, flatten(std::move(maps), 1));
  return fc2_(ctx, leaky_relu(hidden, options_.negative_slope));
}

}  // namespace sonde::nn
