/// @file
/// Convolution with one channel per group: channel c of the result sees channel c of the source
/// only. There is nothing to multiply as matrices; the vectors run along the channels.
#pragma once

#include "tensor/cpu/conv_plan.hpp"

namespace sonde::cpu {

/// `source_channels` is 1 and `dest_channels` the number of channels of both images, whose filters
/// are `filter.out` apart.
void depthwise_conv(const GatherConv<float>& conv);
void depthwise_conv(const GatherConv<double>& conv);

/// `in_channels` is 1 and `out_channels` the number of channels of both images.
void depthwise_weight_grad(const WeightGrad<float>& conv);
void depthwise_weight_grad(const WeightGrad<double>& conv);

}  // namespace sonde::cpu
