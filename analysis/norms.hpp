/// @file
/// Norms of a LinearMap, and its dominant eigenvalue.
#pragma once

#include "analysis/rows.hpp"
#include "analysis/sampling.hpp"

namespace sonde {

/// |A|_F^2 = sum_ij A_ij^2, by products with unit vectors on whichever side has fewer.
double exact_squared_frobenius_norm(const LinearMap& map, std::int64_t batch = 32);

/// |A|_F^2 as the mean of |A z|^2. The variance of a sample is 2 (|S|_F^2 - sum_i S_ii^2) for
/// Rademacher and 2 |S|_F^2 for Gaussian vectors, S = A'A: a map of low rank has relative errors
/// near sqrt(2 / products). Errors: value.
Estimate squared_frobenius_norm(const LinearMap& map, const Sampling& options = {},
                                Probe probe = Probe::rademacher);

/// A'A, which is symmetric and positive semidefinite.
LinearMap gram_map(const LinearMap& map);

struct IterationOptions {
  double tolerance = 0;  ///< of the residual; 0: 1e-8 in f64, 1e-4 in f32
  std::int64_t max_products = 10000;
  philox::Key key{};  ///< of the start vector
};

struct SingularValue {
  double value = 0;
  double residual = 0;        ///< hypot(|A v - value u|, |A'u - value v|)
  std::int64_t products = 0;  ///< with A'A or AA'
  Tensor left, right;         ///< u [range] and v [domain], of norm 1; empty if A is 0
};
/// |A|_2, the largest singular value, by Lanczos' method on A'A or AA', whichever is smaller, until
/// the residual is at most tolerance |A|_2. Errors as lanczos().
SingularValue spectral_norm(const LinearMap& map, const IterationOptions& options = {});

struct DominantPair {
  double value = 0;
  double residual = 0;  ///< |A v - value v|
  Tensor vector;        ///< [size], of norm 1
  std::int64_t products = 0;
};
/// The eigenvalue of greatest absolute value by repeated products, until the residual is at most
/// tolerance |value|: the plainest of methods, for maps that need not be symmetric (lanczos() takes
/// far fewer products where they are). Error(numeric) if max_products do not suffice, as with two
/// eigenvalues of equal size; Error(shape) unless square.
DominantPair power_iteration(const LinearMap& map, const IterationOptions& options = {});

}  // namespace sonde
