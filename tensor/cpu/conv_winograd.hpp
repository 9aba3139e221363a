/// @file
/// 3x3 convolution of stride 1 by Winograd's minimal filtering F(4x4, 3x3): 36 multiplications
/// instead of 144 for each 4x4 output tile and pair of channels. A. Lavin and S. Gray, Fast
/// Algorithms for Convolutional Neural Networks, 2015.
#pragma once

#include "tensor/cpu/conv_plan.hpp"

namespace sonde::cpu {

/// Whether the algorithm applies and saves work; `rows` and `columns` are the forward axes.
bool winograd_fits(const ConvAxis& rows, const ConvAxis& columns, std::int64_t batch,
                   std::int64_t in_channels, std::int64_t out_channels);

/// As gather_conv; the plans are those of a 3x3 filter with stride and dilation 1, in either
/// direction.
void winograd_conv(const GatherConv<float>& conv);
/// As direct_weight_grad.
void winograd_weight_grad(const WeightGrad<float>& conv);

}  // namespace sonde::cpu
