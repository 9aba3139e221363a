/// @file
/// Normalisation layers without state: layer, RMS and group norm. The functions are those of
/// autograd/ops/norm.hpp. Weights begin as 1, biases as 0.
#pragma once

#include <optional>

#include "nn/module.hpp"

namespace sonde::nn {

struct LayerNormOptions {
  double eps = 1e-5;
  bool elementwise_affine = true;  ///< has a weight
  bool bias = true;                ///< and beside it a bias
};

/// (x - mean) / sqrt(var + eps) * weight + bias, mean and variance over the last axes, whose sizes
/// are `normalized_shape`, that of weight and bias (Ba, Kiros and Hinton 2016, arXiv:1607.06450).
class LayerNorm final : public Module {
 public:
  using Options = LayerNormOptions;

  /// Error(value) on no sizes, sizes that are not positive, or a negative eps.
  explicit LayerNorm(const Dims& normalized_shape, Options options = {});
  Var forward(Context& ctx, Var x) const override;
  std::string description() const override;

 private:
  Dims shape_;
  Options options_;
  Handle weight_, bias_;
};

struct RmsNormOptions {
  std::optional<double> eps{};  ///< without one: the machine epsilon of x's type
  bool elementwise_affine = true;
};

/// x / sqrt(mean(x^2) + eps) * weight over the last axes, of `normalized_shape` (Zhang and Sennrich
/// 2019, arXiv:1910.07467). Errors as LayerNorm.
class RmsNorm final : public Module {
 public:
  using Options = RmsNormOptions;

  explicit RmsNorm(const Dims& normalized_shape, Options options = {});
  Var forward(Context& ctx, Var x) const override;
  std::string description() const override;

 private:
  Dims shape_;
  Options options_;
  Handle weight_;
};

struct GroupNormOptions {
  double eps = 1e-5;
  bool affine = true;
};

/// Channels (axis 1 of x [N, C, ...]) in `num_groups` equal groups, each normalised by itself over
/// its channels and all further axes; weight and bias are [C] (Wu and He 2018, arXiv:1803.08494).
class GroupNorm final : public Module {
 public:
  using Options = GroupNormOptions;

  /// Error(value) unless the channels form equal groups, or on a negative eps.
  GroupNorm(std::int64_t num_groups, std::int64_t num_channels, Options options = {});
  Var forward(Context& ctx, Var x) const override;
  std::string description() const override;

 private:
  std::int64_t groups_, channels_;
  Options options_;
  Handle weight_, bias_;
};

}  // namespace sonde::nn
