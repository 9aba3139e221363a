/// @file
/// How an elementwise kernel gets from a slot to its inner loop.
#pragma once

#include <cstdint>

#include "tensor/cpu/strided_loop.hpp"
#include "tensor/kernels/elementwise.hpp"

namespace sonde::cpu {

/// Elements per chunk worth about 20 us of serial work.
enum class Grain : std::int64_t {
  light = 1 << 17,
  medium = 1 << 16,
  heavy = 1 << 15,
  library = 1 << 12
};

/// One op for one dtype. `streaming`, if any, writes past the caches.
struct ElementwiseLoop {
  Loop loop = nullptr, streaming = nullptr;
  Grain grain = Grain::light;
};

/// From this size on the next op would not find the output in a cache.
inline constexpr std::int64_t streaming_bytes = std::int64_t{32} << 20;

/// Runs `kernel`, with streaming stores if it has them and `out` is large, row-major and not an
/// input itself.
void run_elementwise(const ElementwiseLoop& kernel, std::span<const Tensor> in, const Tensor& out,
                     const double* params);

/// The loops of a slot by dtype.
template <Kernel<kernels::Elementwise>& slot>
inline ElementwiseLoop elementwise_loops[dtype_count];

/// Makes `kernel` the CPU's implementation of `slot` for `dtype`.
template <Kernel<kernels::Elementwise>& slot>
void install(DType dtype, const ElementwiseLoop& kernel) {
  elementwise_loops<slot>[static_cast<int>(dtype)] = kernel;
  slot.add(DeviceType::cpu, {dtype},
           [](std::span<const Tensor> in, Tensor& out, const double* params) {
             const bool by_second = &slot == &kernels::where;  // its first operand is bool
             const DType key = in[by_second ? 1 : 0].dtype();
             run_elementwise(elementwise_loops<slot>[static_cast<int>(key)], in, out, params);
           });
}

/// Each installs the slots of one file, for the best instruction set of this CPU.
void install_arithmetic_loops();
void install_math_loops();
void install_activation_loops();
void install_compare_loops();

}  // namespace sonde::cpu
