/// @file
/// Convolution to at most four channels, as in the gradient with respect to an image: the vectors
/// run along the source's channels, because the destination has too few to fill one.
#pragma once

#include "tensor/cpu/conv_plan.hpp"

namespace sonde::cpu {

inline constexpr std::int64_t narrow_channels = 4;

inline bool narrow_fits(std::int64_t source_channels, std::int64_t dest_channels) {
  constexpr std::int64_t a_vector = 16;  // of any target
  return dest_channels <= narrow_channels && source_channels >= a_vector;
}

/// As gather_conv.
void narrow_conv(const GatherConv<float>& conv);
void narrow_conv(const GatherConv<double>& conv);

}  // namespace sonde::cpu
