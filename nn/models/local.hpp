/// @file
/// Networks that begin with a part whose every output sees few pixels.
#pragma once

#include "nn/module.hpp"

namespace sonde::nn {

/// Which pixels a cell of a local part's output sees, the same along both axes: cell i sees the
/// pixels stride * i - before ... stride * i + after of the image, zeros beyond its edges.
struct Reach {
  std::int64_t stride = 1, before = 0, after = 0;
};

/// A classifier whose forward(x) is rest(local(x)). Where images differ in a few pixels only, the
/// cells that do not see them need not be computed again.
class LocalFirst {
 public:
  virtual ~LocalFirst() = default;
  virtual Reach reach() const = 0;
  /// Images [B, C, H, W], or parts of images cut at multiples of the stride, to maps [B, F, h, w].
  /// In a part of an image, cells that see beyond its edges are not those of the image.
  virtual Var local(Context& ctx, Var x) const = 0;
  /// Maps of whole images to logits [B, classes].
  virtual Var rest(Context& ctx, Var maps) const = 0;
};

}  // namespace sonde::nn
