/// @file
/// Spectral norms of a network's weights and of its layers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "analysis/function_maps.hpp"

namespace sonde {

/// A greatest singular value, and how far from it an exact one may lie.
struct SpectralNorm {
  std::string name;
  double value = 0, residual = 0;
};

/// Of every parameter with two axes or more that matches `pattern` (matches() of nn/names.hpp), as
/// a matrix [first axis, the others], by singular value decomposition. For a convolution this is
/// the norm of its kernel as a matrix, not that of the layer. Error(names) if none matches.
std::vector<SpectralNorm> weight_spectral_norms(const nn::Module& module,
                                                std::string_view pattern = "*");

/// Of the derivative of f at x, which for an affine f is its Lipschitz constant, whatever f is made
/// of: by singular value decomposition where one side has at most `dense_up_to` elements, else by
/// spectral_norm() of norms.hpp. Errors of jacobian_map() and lanczos().
SpectralNorm derivative_norm(const Function& f, const Var& x, std::int64_t dense_up_to = 256,
                             philox::Key key = {});

/// Of every affine layer that `input`, a batch of one, passes and whose path matches, in the order
/// in which it does: modules without children that have a "weight" of two axes or more and take
/// floating numbers, so linear maps and convolutions, with their stride and padding at the size of
/// image that reaches them. Error(names) if there is none.
std::vector<SpectralNorm> layer_spectral_norms(const nn::Module& network, const Tensor& input,
                                               std::string_view pattern = "*");

}  // namespace sonde
