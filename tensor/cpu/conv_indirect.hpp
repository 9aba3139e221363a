/// @file
/// Convolution of any shape as a product whose rows are found through pointers, so that nothing is
/// unfolded in memory.
#pragma once

#include "tensor/cpu/conv_plan.hpp"

namespace sonde::cpu {

/// Writes every destination position of the two plans.
void gather_conv(const GatherConv<float>& conv);
void gather_conv(const GatherConv<double>& conv);

void direct_weight_grad(const WeightGrad<float>& conv);
void direct_weight_grad(const WeightGrad<double>& conv);

}  // namespace sonde::cpu
