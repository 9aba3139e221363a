/// @file
/// Many vectors as the rows of a matrix, as LinearMaps take them: random ones, inner products,
/// orthonormal bases. Rows lie on their space's device; what is as small as their number, f64 on
/// the host, where it is computed with.
#pragma once

#include <vector>

#include "analysis/space.hpp"
#include "tensor/philox.hpp"

namespace sonde {

/// How a random vector z is drawn. E zz' is the identity for each of them.
enum class Probe {
  rademacher,  ///< elements 1 or -1 with equal probability
  gaussian,    ///< standard normal elements
  sphere       ///< uniform on the sphere of radius sqrt(size)
};

/// Random vectors number begin ... end - 1 of a key, [end - begin, space.size()]. Vector i is a
/// function of the key and i, not of how many are drawn at a time.
Tensor random_rows(philox::Key key, std::int64_t begin, std::int64_t end, const Space& space,
                   Probe probe = Probe::gaussian);

/// Rows begin ... end - 1 of the identity.
Tensor unit_rows(std::int64_t begin, std::int64_t end, const Space& space);

/// a_i . b_i for the rows of two matrices [n, size], added up in f64: [n], on their device.
Tensor row_products(const Tensor& a, const Tensor& b);
/// The same for the host.
std::vector<double> row_dots(const Tensor& a, const Tensor& b);
/// |a_i| for each row, added up in f64.
std::vector<double> row_norms(const Tensor& a);
/// factors[i] a_i.
Tensor scaled_rows(const Tensor& a, const std::vector<double>& factors);

/// The distance from 1 to the next number of a floating type: f32 or f64.
double epsilon_of(DType dtype);

/// What orthonormalised() found: W = components Q + factor rows, up to what was negligible.
struct Orthonormalised {
  Tensor rows;              ///< [count, n]: orthonormal, and orthogonal to Q
  Tensor components;        ///< f64 [b, m]
  Tensor factor;            ///< f64 [b, count]
  std::int64_t random = 0;  ///< how many of the rows, the last ones, have no part in W
};

/// Splits the rows of W [b, n] into what lies in the span of the orthonormal rows Q [m, n] and an
/// orthonormal basis of the rest. What is left of a row with norm <= `negligible` counts as
/// nothing; random directions, of the key `fresh`, make up the number of rows to `count`, at most
/// min(b, n - m). By block Gram-Schmidt, done twice: once leaves components of the size of rounding
/// times |W|, twice none that matter (Giraud, Langou, Rozloznik 2005, "The loss of orthogonality in
/// the Gram-Schmidt orthogonalization process").
Orthonormalised orthonormalised(const Tensor& w, const Tensor& q, std::int64_t count,
                                double negligible, philox::Key fresh);
/// The same without a Q.
Orthonormalised orthonormalised(const Tensor& w, std::int64_t count, double negligible,
                                philox::Key fresh);

}  // namespace sonde
