/// @file
/// A map over a data set: a weighted sum of maps, one for each batch.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "analysis/derivative.hpp"

namespace sonde {

/// Makes the map of a batch, such as hessian_map of its loss with these options. The same each
/// time.
using BatchMap = std::function<LinearMap(std::int64_t batch, const MapOptions& options)>;

/// The weights that make a mean over all samples out of means over batches: each batch's share of
/// the samples. Error(value) on a negative size or no samples.
std::vector<double> mean_weights(std::span<const std::int64_t> batch_sizes);
/// The weights that add up sums over batches: all 1.
std::vector<double> sum_weights(std::int64_t batches);

/// Which batches of a map over data are recorded.
struct DataPlan {
  std::int64_t kept = 0;        ///< the first ones: recorded once, for all products
  std::int64_t recomputed = 0;  ///< the others: made again for each product, and forgotten
  double record_bytes = 0;      ///< that the records take together
};

/// sum_i weights[i] A_i, added in the order of the batches, so that the result does not depend on
/// what is kept beyond rounding. As many batches as fit half of `max_memory` bytes are recorded (0:
/// all), the other half is for the products.
class DataMap {
 public:
  /// Error(value) without batches or on a negative max_memory; errors of `make`. A batch whose map
  /// has other Spaces than the first is an Error(shape) when it is met.
  DataMap(std::vector<double> weights, BatchMap make, std::int64_t max_memory = 0);
  const LinearMap& map() const { return map_; }
  const DataPlan& plan() const { return plan_; }

 private:
  DataPlan plan_;
  LinearMap map_;
};

}  // namespace sonde
