/// @file
/// Convolution. Images are [N,C,H,W] or [C,H,W] (1d: [N,C,L] or [C,L]); names and meaning of the
/// arguments are PyTorch's. Results lie channels last in memory, and so should long-lived inputs.
#pragma once

#include "autograd/primitive.hpp"
#include "tensor/kernels/conv.hpp"

namespace sonde {

struct Conv1dAttrs {
  std::int64_t stride = 1, padding = 0, dilation = 1, groups = 1;
};

/// y[n,k,p,q] = bias[k] + sum over c, r, s of x[n,c,p*stride - padding + r*dilation, ...] *
/// weight[k,c,r,s], where k sees the channels c of its group. weight [K,C/groups,R,S], bias [K] or
/// empty. The result is [N,K,P,Q] with P = floor((H + 2 padding - dilation (R-1) - 1) / stride)
/// + 1. Error(shape) on sizes that do not fit, Error(value) on attributes out of range,
/// Error(dtype) unless all are f32 or all f64.
Var conv2d(Operand x, const Var& weight, const Var& bias = {}, const ConvAttrs& attrs = {});
/// As conv2d, on x [N,C,L] with weight [K,C/groups,S].
Var conv1d(Operand x, const Var& weight, const Var& bias = {}, const Conv1dAttrs& attrs = {});

/// The transpose of conv2d in x: dy [N,K,P,Q] to [N,C,H,W], where `input_size` is (H,W). Errors as
/// conv2d.
Var conv2d_input_grad(Operand dy, const Var& weight, Size2 input_size, const ConvAttrs& attrs = {});
/// The transpose of conv2d in the weight: x and dy to [K,C/groups,R,S], where `kernel_size` is
/// (R,S). Errors as conv2d.
Var conv2d_weight_grad(Operand x, const Var& dy, Size2 kernel_size, const ConvAttrs& attrs = {});

}  // namespace sonde
