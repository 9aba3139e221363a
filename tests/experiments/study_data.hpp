/// @file
/// A small data set made in the test, and a study on it.
#pragma once

#include "experiments/data/images.hpp"
#include "experiments/vision/study.hpp"

namespace sonde::experiments {

/// n images of side x side pixels in [-1, 1] of `classes` kinds: a bright column at a place that
/// depends on the class, and noise from Philox.
inline ImageSet striped_images(std::int64_t n, std::int64_t classes, std::uint64_t seed,
                               std::int64_t side = 8) {
  ImageSet set{Tensor::empty({n, 1, side, side}), Tensor::empty({n}, DType::i64), classes};
  for (std::int64_t i = 0; i < n; ++i) {
    const auto label =
        static_cast<std::int64_t>(philox::bits({seed, 1}, static_cast<std::uint64_t>(i)) %
                                  static_cast<std::uint64_t>(classes));
    set.labels.data<std::int64_t>()[i] = label;
    for (std::int64_t p = 0; p < side * side; ++p) {
      const double noise =
          philox::unit(philox::bits({seed, 2}, static_cast<std::uint64_t>(i * side * side + p)));
      set.images.data<float>()[i * side * side + p] =
          static_cast<float>((p % side == label ? 0.3 : -0.3) + 1.4 * (noise - 0.5));
    }
  }
  return set;
}

inline StudyOptions small_study() {
  return {.models = {"mlp"},
          .accuracies = {0.5, 0.9},
          .sigmas = {1, 3},
          .scattered = 4,
          .patch = 4,
          .images = 10,
          .draws = 2,
          .epochs = 6,
          .batch = 20,
          .eval_every = 3,
          .lr = 1e-3,
          .seed = 5,
          .repetitions = 2};
}

}  // namespace sonde::experiments
