/// @file
/// What XTrace and XDiag share: k test vectors, each with the basis that the products of the others
/// span.
#pragma once

#include "analysis/rows.hpp"
#include "analysis/sampling.hpp"

namespace sonde {

/// Rows Q span the products A w_1, ..., A w_k of the test vectors. The products of all but w_i span
/// the part of that space which is orthogonal to one unit vector Q' s_i, so that
/// Q_i' Q_i = Q' (1 - s_i s_i') Q.
struct LeaveOneOut {
  Tensor tests;       ///< w_i, [k, size]
  Tensor basis;       ///< Q, [k, size]
  Tensor directions;  ///< f64 [k, k], on the host: s_i, one per column
  Tensor
      along;  ///< f64 [1, k], on the host: <Q' s_i, A w_i>, all of A w_i that its own basis lacks
  /// The products have fewer than k dimensions: so has A, and Q spans its range. There are no
  /// directions then.
  bool whole_range = false;
  double rounding = 0;    ///< rounding_of() the tests' products
  double negligible = 0;  ///< norm of a product that is rounding and nothing else
};

/// By k products.
LeaveOneOut leave_one_out(const LinearMap& map, std::int64_t k, Probe probe,
                          const Sampling& options);

}  // namespace sonde
