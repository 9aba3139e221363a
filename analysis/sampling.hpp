/// @file
/// How the estimates of traces, diagonals and norms are sampled, and when they stop.
#pragma once

#include <functional>
#include <vector>

#include "analysis/estimate.hpp"
#include "analysis/linear_map.hpp"
#include "tensor/philox.hpp"

namespace sonde {

/// Products to spend on an estimate.
///
/// With a tolerance the estimate is looked at after 16, 32, 64, ... products and stops when half of
/// its 95 % interval is at most tolerance |value|. Each look is a chance to be narrow by luck, so
/// all intervals are those of confidence 1 - 0.05 / looks (Bonferroni): the one reported holds the
/// truth in 95 of 100 runs however many looks it took. A caller sees from the interval whether the
/// tolerance was met before the products were spent.
struct Sampling {
  /// With vectors, at most. Where as many as the domain has dimensions would be taken, the result
  /// is exact instead, by products with unit vectors.
  std::int64_t products = 100;
  double tolerance = 0;     ///< 0: all products are spent
  std::int64_t batch = 32;  ///< vectors in one product; changes no result beyond rounding
  philox::Key key{};
};

/// Equally distributed values whose mean is the estimate.
struct Samples {
  std::vector<double> values;
  double rounding = 0;  ///< standard error of the mean that arithmetic alone would leave
  /// The values share their random vectors: see shared_variance.
  bool shared = false;
};

/// What the variance of values, over their number n, is multiplied with to be that of their mean,
/// where value i depends on vector i and, by a basis, on all others. A part of value i that belongs
/// to vectors i and j together is a part of value j too, so that the plain rule misses half of what
/// it adds to the variance of the mean. Doubled, it is right for such parts, and the error too wide
/// by sqrt(2) at most for those of one vector alone.
inline constexpr double shared_variance = 2;

/// The numbers of products after which an estimate is looked at, ascending; the last is all of
/// them.
std::vector<std::int64_t> looks(const Sampling& options);
/// Mean, standard error sqrt(variance of the mean + rounding^2), and Student's t interval for one
/// of `looks` looks. A single value is exact up to rounding.
Estimate estimate_of(const Samples& samples, std::size_t looks, philox::Key key);
/// Looks at `draw` (products spent to samples) until the tolerance is met, or gives `exact` where
/// `size` products or more are due.
Estimate sampled(const Sampling& options, std::int64_t size,
                 const std::function<Samples(std::int64_t products)>& draw,
                 const std::function<double()>& exact);

/// Error(value) for options out of range, of which `least` products are the fewest that `who`
/// takes.
void check_sampling(const Sampling& options, std::int64_t least, std::string_view who);
/// Error(shape) unless the map's domain is its range.
void check_square(const LinearMap& map, std::string_view who);
/// What a product with v may lose by rounding in v . A v: the mean of epsilon |v| |A v| over rows.
double rounding_of(const Tensor& v, const Tensor& product);

/// A v for the rows v of a matrix, `batch` of them in one product.
Tensor products_with(const LinearMap& map, const Tensor& vectors, std::int64_t batch);
/// Calls `each` with unit vectors begin ... end - 1 of the domain and their products, `batch` at a
/// time.
void for_unit_vectors(const LinearMap& map, std::int64_t batch,
                      const std::function<void(std::int64_t begin, const Tensor& units,
                                               const Tensor& products)>& each);

}  // namespace sonde
