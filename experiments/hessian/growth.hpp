/// @file
/// How the query and value blocks of a transformer's Hessian grow with the scale of its embeddings.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "analysis/statistics.hpp"
#include "experiments/hessian/small_transformer.hpp"

namespace sonde::experiments {

/// What the networks of a family differ in.
enum class GrowthVariable {
  scale,        ///< of the embeddings: sigma
  temperature,  ///< which the scores of attention are divided by: t
};
const char* symbol(GrowthVariable variable);

enum class GrowthNetwork {
  transformer,
  /// net.layers layers without biases or activations on the embeddings of the tokens alone, weights
  /// uniform in +-1 / sqrt(width); squared error, exact norms by the closed form.
  linear_mlp,
  cnn,   ///< AdditionCnn, which has one size
  lstm,  ///< AdditionLstm, which has one size
};

/// A family of networks that differ in one number alone.
struct GrowthSetting {
  std::string id{}, name{};
  SmallTransformerOptions net{};
  GrowthVariable variable = GrowthVariable::scale;
  bool all_blocks = false;  ///< of the weights of attention, off the diagonal too
  GrowthNetwork network = GrowthNetwork::transformer;
  bool squared_error = false;  ///< a sum over all outputs; else mean cross-entropy
  std::vector<double> x{};     ///< values of the variable
  std::int64_t sequences = 64;
  std::int64_t repeats = 3;
  std::int64_t vectors = 6;  ///< Rademacher vectors a norm is estimated with; 0: exact matrices
};

/// Frobenius norms of one block, from the same vectors for all three and every x.
struct GrowthPoint {
  std::int64_t layer = 0;
  std::string block;  ///< "W_Q"; "W_V-W_Q" with the elements of W_V as rows; "W" of linear networks
  double x = 0;
  std::int64_t repeat = 0;
  double whole = 0, outer = 0, functional = 0;
};
using GrowthPoints = std::vector<GrowthPoint>;

/// Repeat r has weights of seed + r, the same for every x; the batch is one for all. `pause` is
/// called after every point with all there are, and may throw; with these as `points` it goes on.
/// Computed on `device`.
GrowthPoints measure_growth(const GrowthSetting& setting, std::uint64_t seed,
                            const std::function<void(const GrowthPoints&)>& pause = {},
                            GrowthPoints points = {}, Device device = {});
/// The names of the blocks that are measured in each layer.
const std::vector<std::string>& growth_blocks(const GrowthSetting& setting);
/// How many points that are.
std::int64_t growth_points(const GrowthSetting& setting);

/// The norm of which part: GrowthPoint's member.
using GrowthPart = double GrowthPoint::*;
/// The norms of one block by repeat, over the x from low to high, in their order. Several
/// layers' blocks of one name are told apart by `layer`.
std::vector<Sample> series(const GrowthPoints& points, std::int64_t layer, const std::string& block,
                           GrowthPart part, double low, double high);
/// The slope of log norm by log x of each repeat, with its interval over the repeats.
Estimate growth_slope(const GrowthPoints& points, std::int64_t layer, const std::string& block,
                      GrowthPart part, double low, double high);

}  // namespace sonde::experiments
