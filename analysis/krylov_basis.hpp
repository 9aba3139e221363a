/// @file
/// The basis that Lanczos' method builds, see lanczos.hpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "analysis/linear_map.hpp"
#include "analysis/rows.hpp"

namespace sonde {

/// Eigenpairs of H = Q A Q'.
struct RitzPairs {
  std::vector<double> values;     ///< theta, ascending
  std::vector<double> residuals;  ///< |A v - theta v| of v = Q' s
  Tensor coefficients;            ///< f64 [rows, rows]: s, one per column
  /// Greatest absolute value: |A|, from below.
  double norm() const { return std::max(std::abs(values.front()), std::abs(values.back())); }
};

/// Orthonormal rows Q with A Q' = Q' H + F' C, A symmetric: the state of the block Lanczos method
/// with full reorthogonalisation. H is computed whole (Q A Q'), so nothing here depends on its
/// pattern, which is block tridiagonal at first and an arrow after a restart. Q and F lie on A's
/// device, H and C on the host.
class KrylovBasis {
 public:
  /// Room for `capacity` rows; starts from `block` random directions. A direction whose norm is
  /// below `negligible` |A| is none.
  KrylovBasis(const LinearMap& map, std::int64_t capacity, std::int64_t block, double negligible,
              philox::Key key);

  /// Takes F into Q and finds the F after it, by one product with its rows.
  void expand();
  RitzPairs ritz() const;
  /// Keeps the Ritz vectors at these positions as Q. H becomes diagonal, F stays.
  void restart(const RitzPairs& ritz, const std::vector<std::int64_t>& kept);
  /// Random directions in place of F: what C leads to is forgotten.
  void redirect();
  /// Ritz vectors, [at.size(), size].
  Tensor vectors(const RitzPairs& ritz, const std::vector<std::int64_t>& at) const;

  std::int64_t rows() const { return rows_; }
  std::int64_t products() const { return products_; }
  /// There is no room for F.
  bool full() const { return rows_ + next_.size(0) > q_.size(0); }
  /// Q spans the whole space.
  bool complete() const { return next_.size(0) == 0; }
  /// C = 0: A leads nowhere from Q, and F is random.
  bool invariant() const { return invariant_; }

 private:
  Tensor basis() const { return q_.slice(0, 0, rows_); }

  const LinearMap map_;
  const double negligible_;
  const philox::Key key_;
  Tensor q_;          // [capacity, size], of which rows_ are used
  Tensor h_;          // f64 [capacity, capacity]
  Tensor next_;       // F [b, size]
  Tensor coupling_;   // C, f64 [b, rows]
  double scale_ = 0;  // |A|, from below
  std::int64_t rows_ = 0, products_ = 0;
  bool invariant_ = false;
};

}  // namespace sonde
