#include "experiments/data/mean_picture.hpp"

#include <algorithm>
#include <cmath>

namespace sonde::experiments {

Picture mean_picture(const ImageSet& set) {
  const ImageSet sample = first_of(set, 1000);
  const auto n = static_cast<double>(sample.size());
  const std::vector<float> pixels = sample.images.to_vector<float>();
  const auto channels = static_cast<std::size_t>(set.images.size(1));
  const auto plane = static_cast<std::size_t>(set.images.size(2) * set.images.size(3));
  std::vector<double> mean(channels * plane);
  for (std::size_t i = 0; i < pixels.size(); ++i)
    mean[i % mean.size()] += static_cast<double>(pixels[i]) / n;
  const auto [low, high] = std::ranges::minmax(mean);
  const std::size_t shown = channels == 3 ? 3 : 1;
  Picture p{set.images.size(2), set.images.size(3), static_cast<int>(shown)};
  for (std::size_t i = 0; i < plane; ++i)
    for (std::size_t c = 0; c < shown; ++c)
      p.bytes.push_back(static_cast<std::uint8_t>(
          std::lround(255 * (mean[c * plane + i] - low) / std::max(high - low, 1e-9))));
  return p;
}

}  // namespace sonde::experiments
