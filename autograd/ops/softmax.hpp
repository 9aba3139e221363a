/// @file
/// Softmax, log-softmax, cross-entropy.
#pragma once

#include "autograd/primitive.hpp"

namespace sonde {

/// exp(x) / sum(exp(x)) along `dim`. A row of -inf alone gives NaN, as in PyTorch. Error(axis,
/// dtype).
Var softmax(Operand x, std::int64_t dim);
/// x - log(sum(exp(x))) along `dim`. Error(axis, dtype).
Var log_softmax(Operand x, std::int64_t dim);

enum class Reduction { none, mean, sum };

/// -log softmax(logits)[target] for logits [N, C] or [N, C, d1, ...] (classes on axis 1; [C] for
/// one sample) and integer targets [N, d1, ...]. Targets equal to ignore_index give 0 and are not
/// counted in the mean, which is NaN if nothing is counted. Label smoothing s trains against (1 -
/// s) one-hot + s / C. Targets of logits' shape and dtype are probabilities of the classes; then
/// nothing is ignored. Error(shape, dtype, value); a target outside the classes is an Error(value)
/// when the kernel meets it.
Var cross_entropy(Operand logits, const Var& target, Reduction reduction = Reduction::mean,
                  std::int64_t ignore_index = -100, double label_smoothing = 0);

}  // namespace sonde
