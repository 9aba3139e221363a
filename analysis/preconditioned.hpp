/// @file
/// Curvature as an optimiser that scales each parameter sees it.
#pragma once

#include "analysis/linear_map.hpp"
#include "optim/adam.hpp"

namespace sonde {

/// diag(values), symmetric. Error(shape, dtype) unless values is [space.size()] of its type.
LinearMap diagonal_map(const Tensor& values, Space space);

/// D^-1/2 A D^-1/2 with D = diag(sqrt(v / (1 - beta2^t)) + eps), the scale that Adam divides its
/// steps by: gradient descent on the preconditioned loss is stable while the greatest eigenvalue is
/// below 2 / lr, Adam with momentum and full batches below (2 + 2 beta1) / ((1 - beta1) lr) (Cohen
/// et al. 2022, "Adaptive gradient methods at the edge of stability", arXiv:2207.14484). The map's
/// blocks are found by name among the optimiser's parameters. Error(shape) unless the map's domain
/// is its range, Error(names) for a block that Adam does not know, Error(usage) before its first
/// step and for one with several groups.
LinearMap adam_preconditioned(const LinearMap& map, const optim::Adam& adam);

}  // namespace sonde
