/// @file
/// Eigenvalues at the ends of the spectrum of a symmetric LinearMap, by Lanczos' method.
///
/// From a start vector f the method builds an orthonormal basis Q of span{f, Af, A^2 f, ...}, one
/// product a vector. On that small space A is the matrix H = Q A Q', whose eigenvalues (the Ritz
/// values) approach those of A at both ends first. The basis satisfies
///
///   A Q' = Q' H + F' C
///
/// with F the direction that comes next, so that a pair H s = theta s gives a vector v = Q' s with
/// |A v - theta v| = |C s|: the residual is known without a product, and an eigenvalue lies no
/// farther than it from theta.
#pragma once

#include <functional>
#include <vector>

#include "analysis/linear_map.hpp"
#include "tensor/philox.hpp"

namespace sonde {

struct LanczosOptions {
  std::int64_t largest = 0;   ///< how many of the largest eigenvalues
  std::int64_t smallest = 0;  ///< how many of the smallest: the most negative ones
  /// A pair is found when its residual |A v - theta v| <= tolerance |A|. 0: 1e-10 in f64, 1e-5 in
  /// f32.
  double tolerance = 0;
  /// Start vectors, and vectors in each product. One start vector meets one eigenvector of a
  /// multiple eigenvalue, a block of b meets b of them.
  std::int64_t block = 1;
  /// When the pairs are found, follow random directions for as many products again, until that
  /// changes nothing: finds the copies of multiple eigenvalues that the start vectors did not meet.
  bool confirm = true;
  /// Greatest number of vectors kept. More vectors, fewer products. 0: as many as 32 MiB hold, but
  /// three for each eigenvalue wanted, and 40 more than those, at least. The end where eigenvalues
  /// crowd (that of 0 of a map without negative ones) may need as many as the domain has
  /// dimensions.
  std::int64_t basis = 0;
  std::int64_t max_products = 0;  ///< 0: 100 for each vector of the basis, 10 for each dimension
  philox::Key key{};              ///< of the start vectors
};

struct EigenPairs {
  std::vector<double> values;     ///< outermost first
  std::vector<double> residuals;  ///< |A v - theta v|: |C s| or, if confirmed, measured
  Tensor vectors;                 ///< [k, size]: orthonormal rows
};

struct Spectrum {
  EigenPairs largest, smallest;
  double norm = 0;  ///< the greatest absolute Ritz value: |A| if it lies at a wanted end
  std::int64_t products = 0, restarts = 0;
};

/// Block Lanczos with full reorthogonalisation and thick restart: a full basis is replaced by the
/// Ritz vectors nearest the wanted ends, and goes on from there (Wu and Simon 2000, "Thick-restart
/// Lanczos method for large symmetric eigenvalue problems"). Where the basis becomes invariant it
/// is continued by random directions.
///
/// Error(usage) for a map that does not claim to be symmetric; Error(numeric) for one that claims
/// it and is not, or where max_products do not suffice; Error(value) for options out of range.
/// `pause` is called after each product with the number of them and may throw to stop.
Spectrum lanczos(const LinearMap& map, const LanczosOptions& options,
                 const std::function<void(std::int64_t products)>& pause = {});

/// Error(usage) unless `map` claims to be symmetric, Error(numeric) unless <u, A v> = <A u, v> up
/// to rounding for two random vectors. `who` is named in the message.
void check_symmetric(const LinearMap& map, std::string_view who, philox::Key key);

}  // namespace sonde
