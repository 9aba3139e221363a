/// @file
/// Reductions over any axes of tensors of any strides, by reductions of the middle axis of
/// [outer, reduced, inner]. Shared by the backends.
#pragma once

#include <functional>

#include "tensor/tensor.hpp"

namespace sonde {

/// out[a, b] = reduction over r of the input's elements
///   a * outer_step + r * reduced_step + b * inner_step
/// behind its first; the output is row-major. The input of size 0 has `reduced` = 0.
struct ReduceStep {
  std::int64_t outer = 1, reduced = 1, inner = 1;
  std::int64_t outer_step = 0, reduced_step = 0, inner_step = 0;
};

/// `first`: from the input's type to the result's; else from the result's to itself.
using RunReduceStep =
    std::function<void(const Tensor& in, Tensor& out, const ReduceStep& step, bool first)>;

/// What steps a backend runs.
enum class StepStrides {
  dense,  ///< inputs that are row-major [outer, reduced, inner]
  any
};

/// Orders the axes as they lie in memory, merges neighbours, and reduces one group of axes after
/// the other, the innermost first. Inputs that `strides` does not allow are copied first.
void reduce_in_steps(const Tensor& in, const Dims& axes, Tensor& out, StepStrides strides,
                     const RunReduceStep& run);

/// The same for a reduction that cannot be done axis by axis: reduced axes that do not lie together
/// are copied together first.
void reduce_in_one_step(const Tensor& in, const Dims& axes, Tensor& out, StepStrides strides,
                        const RunReduceStep& run);

}  // namespace sonde
