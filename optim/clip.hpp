/// @file
/// Clipping of gradients, between nn::value_and_grad and a step.
#pragma once

#include "autograd/var.hpp"

namespace sonde::optim {

/// The 2-norm of all gradients taken as one vector, accumulated in f64; empty ones are zero.
/// Error(dtype) unless they are f32 or f64.
double grad_norm(const Vars& grads);

/// Multiplies all gradients by max_norm / (norm + 1e-6) if that is less than 1; returns the norm
/// before. PyTorch's clip_grad_norm_; Pascanu et al., 2013. Error(value) unless max_norm >= 0;
/// Error(numeric), before anything is changed, if the norm is not finite and `error_if_nonfinite`.
double clip_grad_norm(Vars& grads, double max_norm, bool error_if_nonfinite = false);

/// Brings each element into [-clip_value, clip_value]. PyTorch's clip_grad_value_. Error(value)
/// unless clip_value >= 0.
void clip_grad_value(Vars& grads, double clip_value);

}  // namespace sonde::optim
