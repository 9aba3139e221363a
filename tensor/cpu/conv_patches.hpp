/// @file
/// Gradients of convolutions whose patches make the rows of a plain matrix: an image of few
/// channels unfolds into rows of R S C numbers, long enough to fill vectors where its channels are
/// not; and the rows of a 1 x 1 filter are the pixels themselves. With U [pixels, R S C] the
/// unfolded input, dW = dY' U, and where patches do not overlap, dU = dY W goes back by copies.
#pragma once

#include "tensor/cpu/conv_plan.hpp"

namespace sonde::cpu {

/// One group of one lane: grad(c) = sum over pixels and k of output_grad(k) * filter(k, c).
template <class T>
struct InputGrad {
  Image<const T> output_grad;
  Image<T> grad;
  Filter<T> filter;
  std::int64_t batch, in_channels, out_channels;
  ConvAxis rows, columns;
};

/// Few channels in a channels-last image of one group, patches side by side without overlap.
template <class T>
bool patches_fit(const InputGrad<T>& conv);
template <class T>
void patch_input_grad(const InputGrad<T>& conv);

/// A 1 x 1 filter, or few channels in a channels-last image of one group.
template <class T>
bool patches_fit(const WeightGrad<T>& conv);
template <class T>
void patch_weight_grad(const WeightGrad<T>& conv);

}  // namespace sonde::cpu
