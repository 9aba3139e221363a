#include "tensor/cpu/elementwise.hpp"

#include <algorithm>

#include "tensor/cpu/register.hpp"

namespace sonde::cpu {

void run_elementwise(const ElementwiseLoop& kernel, std::span<const Tensor> in, const Tensor& out,
                     const double* params) {
  const bool large = out.numel() * size_of(out.dtype()) >= streaming_bytes;
  const bool streams =
      large && kernel.streaming != nullptr && out.is_contiguous() &&
      std::none_of(in.begin(), in.end(), [&](const Tensor& t) { return t.bytes() == out.bytes(); });
  strided_loop(in, out, streams ? kernel.streaming : kernel.loop, params,
               static_cast<std::int64_t>(kernel.grain));
}

void register_elementwise() {
  install_arithmetic_loops();
  install_math_loops();
  install_activation_loops();
  install_compare_loops();
}

}  // namespace sonde::cpu
