/// @file
/// Normalisation layers as functions. A weight or bias that is an empty Var is left out.
#pragma once

#include "autograd/primitive.hpp"

namespace sonde {

/// (x - mean) / sqrt(var + eps) * weight + bias with mean and variance over the last axes, whose
/// sizes are `normalized_shape`; weight and bias have that shape. Error(shape, dtype, value).
Var layer_norm(Operand x, const Dims& normalized_shape, const Var& weight = {},
               const Var& bias = {}, double eps = 1e-5);
/// x / sqrt(mean(x^2) + eps) * weight over the last axes (Zhang and Sennrich 2019,
/// arXiv:1910.07467).
Var rms_norm(Operand x, const Dims& normalized_shape, const Var& weight = {}, double eps = 1e-6);
/// Channels (axis 1 of x [N, C, ...]) in `num_groups` equal groups, each normalised by itself over
/// its channels and all further axes; weight and bias are [C]. Error(shape, value). The result is
/// channels-last in memory.
Var group_norm(Operand x, std::int64_t num_groups, const Var& weight = {}, const Var& bias = {},
               double eps = 1e-5);

struct BatchNormTrained {
  Var y;
  Var mean,
      var;  ///< of this batch, per channel; var divides by the count. They carry no derivative.
};
/// Batch norm in training: each channel (axis 1 of x [N, C, ...]) by its own mean and variance over
/// all other axes.
BatchNormTrained batch_norm_train(Operand x, const Var& weight = {}, const Var& bias = {},
                                  double eps = 1e-5);
/// Batch norm in evaluation: by given mean and variance [C].
Var batch_norm(Operand x, const Var& mean, const Var& var, const Var& weight = {},
               const Var& bias = {}, double eps = 1e-5);

}  // namespace sonde
