/// @file
/// Zeros that take no memory, for rules that must write a symbolic zero out.
#pragma once

#include "autograd/var.hpp"

namespace sonde {

/// Zeros of this spec: one element, broadcast.
inline Var zeros_view(const Spec& spec) {
  return Tensor::zeros({}, spec.dtype, spec.device).expand(spec.shape);
}

}  // namespace sonde
