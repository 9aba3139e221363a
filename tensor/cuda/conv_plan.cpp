#include "tensor/cuda/conv_plan.hpp"

#include "tensor/error.hpp"

namespace sonde::cuda {

ConvAxis conv_axis(std::string_view op, std::int64_t in, std::int64_t out, std::int64_t kernel,
                   const ConvAttrs& a, std::size_t i) {
  constexpr std::int64_t limit = 1 << 29;
  // In double, whose range no product of the attributes leaves.
  const auto far = [](std::int64_t count, std::int64_t step) {
    return static_cast<double>(count) * static_cast<double>(step);
  };
  const double reach = far(out, a.stride[i]) + far(kernel, a.dilation[i]) +
                       static_cast<double>(a.padding[i]) + static_cast<double>(in);
  if (reach >= static_cast<double>(limit))
    fail_hint(ErrorCode::size, op, "use the CPU's kernel",
              "an image axis of {} positions with a filter of {} reaches further than the {} "
              "positions of the CUDA kernels",
              in, kernel, limit);
  return {static_cast<int>(in),           static_cast<int>(out),
          static_cast<int>(kernel),       static_cast<int>(a.stride[i]),
          static_cast<int>(a.padding[i]), static_cast<int>(a.dilation[i])};
}

}  // namespace sonde::cuda
