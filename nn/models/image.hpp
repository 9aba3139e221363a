/// @file
/// What the classifiers of images have in common.
#pragma once

#include "autograd/var.hpp"
#include "tensor/kernels/conv.hpp"

namespace sonde::nn {

/// Sizes an image classifier is built for: it takes [B, channels, height, width] to [B, classes].
struct ImageSpec {
  std::int64_t channels = 3, height = 32, width = 32, classes = 10;
};

/// Images [B, C, H, W] cut into patches of `size` (h, w), row by row: [B, H/h * W/w, h * w * C],
/// within a patch row by row, its channels together. Error(shape) unless the patches fit.
Var patches(const Var& images, Size2 size);

}  // namespace sonde::nn
