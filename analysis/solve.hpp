/// @file
/// Solutions of A x = b for symmetric LinearMaps, many right-hand sides at once.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "analysis/linear_map.hpp"

namespace sonde {

struct SolveOptions {
  double tolerance = 0;  ///< |b - A x| <= tolerance |b| in the end; 0: 1e-8 in f64, 1e-4 in f32
  std::int64_t max_iterations = 0;  ///< 0: ten for each dimension, at most 10000
  /// Nearly A^-1, symmetric and positive definite.
  std::optional<LinearMap> preconditioner{};
};

struct Solution {
  Tensor x;  ///< of the shape of b
  std::vector<double>
      residuals;  ///< |b - A x| / |b| for each row, by a product of its own; 0 for b = 0
  std::int64_t iterations = 0;  ///< one product each with all that are not solved yet
};

/// Conjugate gradients (Hestenes and Stiefel 1952) for symmetric positive definite maps. b is
/// [size] or, for many, [n, size]. `pause` is called after each iteration with the greatest |b - A
/// x| / |b| and may throw to stop. Error(usage) unless the map claims to be symmetric;
/// Error(numeric) with the curvature found if it is not positive definite, or without convergence;
/// Error(shape, dtype).
Solution cg(const LinearMap& map, const Tensor& b, const SolveOptions& options = {},
            const std::function<void(double residual)>& pause = {});

/// Minimal residuals (Paige and Saunders 1975) for symmetric maps, which may be indefinite.
/// Arguments and errors as cg(); Error(numeric) also if the map is singular and b is not in its
/// range.
Solution minres(const LinearMap& map, const Tensor& b, const SolveOptions& options = {},
                const std::function<void(double residual)>& pause = {});

}  // namespace sonde
