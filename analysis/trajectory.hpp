/// @file
/// The path of the weights in training, seen in the plane (or the few dimensions) in which it moves
/// most.
#pragma once

#include <vector>

#include "tensor/tensor.hpp"

namespace sonde {

enum class TrajectoryOrigin {
  mean,  ///< principal components of the path
  last,  ///< of its differences to the last weights (Li et al., arXiv:1712.09913, section 7)
};

struct TrajectoryPca {
  Tensor origin;                  ///< [p]
  Tensor directions;              ///< [k, p], orthonormal rows, the first one first
  Tensor coordinates;             ///< f64 [steps, k]: of the weights minus the origin
  std::vector<double> explained;  ///< shares of the squared distance to the origin, descending
};

/// Principal component analysis of weights [steps, p], a flat vector for each saved step, as
/// Space::flatten() gives them. By the eigenvectors of the Gram matrix [steps, steps], since steps
/// are few and weights many; in f64, results in the weights' type. Of each component's two signs
/// the one that makes its coordinate of greatest magnitude positive. Error(shape) unless there are
/// at least two steps; Error(value) unless 1 <= components < steps; Error(numeric) if the path
/// spans fewer dimensions.
TrajectoryPca trajectory_pca(const Tensor& weights, std::int64_t components = 2,
                             TrajectoryOrigin origin = TrajectoryOrigin::mean);

}  // namespace sonde
