#include "experiments/data/augment.hpp"

#include <algorithm>

namespace sonde::experiments {
namespace {

struct Planes {
  float* data;
  std::int64_t channels, height, width;
};

Planes planes(Tensor& item) {
  if (item.rank() != 3 || !item.is_contiguous())
    fail(ErrorCode::shape, "augment", "{} is not an image [C, H, W], row-major", item.spec());
  return {item.mutable_data<float>(), item.size(0), item.size(1), item.size(2)};
}

// The image moved by (down, right); `fill` comes in at the other sides.
void shift(float* plane, std::int64_t height, std::int64_t width, std::int64_t down,
           std::int64_t right, float fill) {
  const std::vector<float> from(plane, plane + height * width);
  for (std::int64_t y = 0; y < height; ++y)
    for (std::int64_t x = 0; x < width; ++x) {
      const std::int64_t v = y - down, u = x - right;
      const bool inside = v >= 0 && v < height && u >= 0 && u < width;
      plane[y * width + x] = inside ? from[static_cast<std::size_t>(v * width + u)] : fill;
    }
}

}  // namespace

Augmentation random_crop(std::int64_t padding, float fill) {
  if (padding < 0) fail(ErrorCode::value, "random_crop", "padding {}", padding);
  const auto places = static_cast<std::uint64_t>(2 * padding + 1);
  auto offset = [=](philox::Key key, std::uint64_t i) {
    const std::uint64_t draw = philox::below(key, i, philox::bits(key, i), places);
    return padding - static_cast<std::int64_t>(draw);
  };
  return [=](Tensor item, philox::Key key) {
    const Planes p = planes(item);
    const std::int64_t down = offset(key, 0), right = offset(key, 1);
    for (std::int64_t c = 0; c < p.channels; ++c)
      shift(p.data + c * p.height * p.width, p.height, p.width, down, right, fill);
  };
}

Augmentation random_horizontal_flip(double probability) {
  if (!(probability >= 0 && probability <= 1))
    fail(ErrorCode::value, "random_horizontal_flip", "probability {}", probability);
  return [=](Tensor item, philox::Key key) {
    const Planes p = planes(item);
    if (philox::unit(philox::bits(key, 0)) >= probability) return;
    for (std::int64_t row = 0; row < p.channels * p.height; ++row)
      std::reverse(p.data + row * p.width, p.data + (row + 1) * p.width);
  };
}

Augmentation compose(std::vector<Augmentation> all) {
  return [all = std::move(all)](const Tensor& item, philox::Key key) {
    for (std::size_t i = 0; i < all.size(); ++i) all[i](item, philox::child(key, i));
  };
}

}  // namespace sonde::experiments
