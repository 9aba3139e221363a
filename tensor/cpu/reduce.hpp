/// @file
/// The CPU's reductions of the middle axis of [outer, reduced, inner].
#pragma once

#include "tensor/kernels/reduce.hpp"

namespace sonde::cpu {

/// out[a, b] from in[a, r, b] over r, both row-major.
using ReduceMiddle = void (*)(const std::byte* in, std::byte* out, std::int64_t outer,
                              std::int64_t reduced, std::int64_t inner);

/// One reduction for one dtype: from the input's type to the result's, and from the result's to
/// itself.
struct ReduceLoops {
  ReduceMiddle first = nullptr, again = nullptr;
};

/// Over any axes: one group of neighbours after the other (tensor/reduce_steps.hpp).
void reduce(const ReduceLoops& loops, const Tensor& in, const Dims& axes, Tensor& out);

/// The same for a reduction that cannot be done axis by axis.
void reduce_at_once(ReduceMiddle loop, const Tensor& in, const Dims& axes, Tensor& out);

/// The loops of a slot by dtype.
template <Kernel<kernels::Reduce>& slot>
inline ReduceLoops reduce_loops[dtype_count];

/// Makes `loops` the CPU's implementation of `slot` for `dtype`.
template <Kernel<kernels::Reduce>& slot>
void install_reduction(DType dtype, const ReduceLoops& loops) {
  reduce_loops<slot>[static_cast<int>(dtype)] = loops;
  slot.add(DeviceType::cpu, {dtype}, [](const Tensor& in, const Dims& axes, Tensor& out) {
    reduce(reduce_loops<slot>[static_cast<int>(in.dtype())], in, axes, out);
  });
}

/// Installs all of them, for the best instruction set of this CPU.
void install_reductions();
/// Positions of extremes, running sums.
void install_scans();

}  // namespace sonde::cpu
