/// @file
/// Augmentation: random changes of training images, each from a key of its own.
#pragma once

#include <functional>
#include <vector>

#include "tensor/philox.hpp"
#include "tensor/tensor.hpp"

namespace sonde::experiments {

/// Changes an item in place; a pure function of item and key. It may run on a background thread.
using Augmentation = std::function<void(Tensor item, philox::Key key)>;

/// Pads an image f32 [C, H, W] by `padding` pixels of value `fill` on each side and cuts out H x W
/// pixels anywhere. torchvision's RandomCrop(size, padding). Error(value) if padding is negative.
Augmentation random_crop(std::int64_t padding, float fill = 0);
/// Mirrors an image f32 [C, H, W] left to right with probability p. Error(value) unless 0 <= p
/// <= 1.
Augmentation random_horizontal_flip(double p = 0.5);
/// One after the other, each with a key of its own.
Augmentation compose(std::vector<Augmentation> all);

}  // namespace sonde::experiments
