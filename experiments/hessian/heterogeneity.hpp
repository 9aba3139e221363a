/// @file
/// How differently the blocks of a transformer's Hessian are sized, with and without softmax.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "analysis/statistics.hpp"
#include "experiments/common/json.hpp"
#include "experiments/hessian/small_transformer.hpp"
#include "tensor/tensor.hpp"

namespace sonde::experiments {

/// What is measured of one network.
struct HeterogeneityOptions {
  std::int64_t width = 16;
  std::int64_t sequences = 64;
  nn::AttentionScore score = nn::AttentionScore::softmax;
};

/// One diagonal block.
struct BlockSizes {
  Sample elements;                             ///< |H_ij|
  double median = 0, greatest = 0;             ///< of them
  double norm = 0, outer = 0, functional = 0;  ///< Frobenius norms of H, H_o and H_f
  double least_eigenvalue = 0, greatest_eigenvalue = 0;
};
/// The block of one parameter of a network for the task of addition.hpp (tokens to logits, [n,
/// length, vocabulary]): cross-entropy of the answers' digits, exact matrices, H_o by Gauss-Newton
/// with respect to the logits.
BlockSizes block_sizes(const nn::Module& net, const Tensor& tokens, std::string_view parameter);

/// Without the elements, and the inverse; the latter throws Json::exception.
Json to_json(const BlockSizes& sizes);
BlockSizes block_sizes_from_json(const Json& json);

/// The query and the value block of one random network: block_sizes().
struct QueryAndValue {
  BlockSizes query, value;
};
QueryAndValue query_and_value(const HeterogeneityOptions& options, std::uint64_t seed);

/// The whole Hessian, [parameters, parameters], with the blocks' names and sizes; `pause` is called
/// with the share done.
struct WholeHessian {
  Tensor matrix;
  std::vector<std::pair<std::string, std::int64_t>> blocks;
};
WholeHessian whole_hessian(const HeterogeneityOptions& options, std::uint64_t seed,
                           const std::function<void(double)>& pause);

/// log10 of the mean of |H_ij| over squares of a grid of `cells` x `cells`, row by row: a matrix
/// too large to draw. Where the mean is below `floor`, log10 of that.
std::vector<double> coarse_map(const Tensor& matrix, std::int64_t cells, double floor);

}  // namespace sonde::experiments
