/// @file
/// The diagonal of a square LinearMap.
#pragma once

#include "analysis/sampling.hpp"

namespace sonde {

/// <e_i, A e_i> for every i, f64 [size], by as many products as there are, `batch` at a time.
Tensor exact_diagonal(const LinearMap& map, std::int64_t batch = 32);

/// A diagonal with the standard error of each element.
struct DiagonalEstimate {
  Tensor values, std_errors;  ///< f64 [size]
  std::int64_t n = 1;         ///< independent vectors; 1 if exact
};

// The options' tolerance is that of the whole: half of the 95 % interval's length, taken of the
// norm of the errors, is at most tolerance |diagonal|.

/// Mean of z o A z for Rademacher vectors z. Bekas, Kokiopoulou and Saad 2007, "An estimator for
/// the diagonal of a matrix". The variance of a sample's element i is the sum of the squares beside
/// the diagonal in row i. Errors: value, shape.
DiagonalEstimate hutchinson_diagonal(const LinearMap& map, const Sampling& options = {});

/// Mean over i of diag(Q_i Q_i' A) + w_i o (1 - Q_i Q_i') A w_i, where Q_i is an orthonormal basis
/// of the products of A with all vectors but w_i. Epperly, Tropp and Webber 2024 (see xtrace).
/// Exact for maps of a rank below products / 2. Half of the products are with A'. 4 or more.
/// Errors: value, shape.
DiagonalEstimate xdiag(const LinearMap& map, const Sampling& options = {});

}  // namespace sonde
