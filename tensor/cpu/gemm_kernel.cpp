#include "tensor/cpu/gemm_kernel.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/gemm_kernel.cpp"
#include <hwy/foreach_target.h>  // compiles this file once per instruction set
#include <hwy/highway.h>

#include "tensor/cpu/gemm_kernel-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sonde::cpu::HWY_NAMESPACE {

// Four rows at a time, two sums each: enough independent chains to hide the latency of an FMA.
template <int rows, class T>
void dot_rows(std::int64_t k, const T* HWY_RESTRICT a, std::int64_t a_row, const T* HWY_RESTRICT x,
              T* y, std::int64_t y_step, const T* start) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  constexpr std::int64_t lanes = gemm_lanes<T>;
  V even[rows], odd[rows];
  HWY_UNROLL(4)
  for (int i = 0; i < rows; ++i) even[i] = odd[i] = hn::Zero(d);
  std::int64_t p = 0;
  for (; p + 2 * lanes <= k; p += 2 * lanes) {
    const V x0 = hn::LoadU(d, x + p), x1 = hn::LoadU(d, x + p + lanes);
    HWY_UNROLL(4)
    for (int i = 0; i < rows; ++i) {
      even[i] = hn::MulAdd(hn::LoadU(d, a + i * a_row + p), x0, even[i]);
      odd[i] = hn::MulAdd(hn::LoadU(d, a + i * a_row + p + lanes), x1, odd[i]);
    }
  }
  for (; p < k; p += lanes) {
    const auto mask = hn::FirstN(d, static_cast<std::size_t>(std::min(lanes, k - p)));
    const V x0 = hn::MaskedLoad(mask, d, x + p);
    HWY_UNROLL(4)
    for (int i = 0; i < rows; ++i)
      even[i] = hn::MulAdd(hn::MaskedLoad(mask, d, a + i * a_row + p), x0, even[i]);
  }
  for (int i = 0; i < rows; ++i) {
    const T sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(even[i], odd[i])));
    y[i * y_step] = start ? start[i * y_step] + sum : sum;
  }
}

template <class T>
void rows_times_vector(std::int64_t m, std::int64_t k, const T* a, std::int64_t a_row, const T* x,
                       T* y, std::int64_t y_step, const T* start) {
  std::int64_t i = 0;
  for (; i + 4 <= m; i += 4, y += 4 * y_step)
    dot_rows<4>(k, a + i * a_row, a_row, x, y, y_step, start ? start + i * y_step : nullptr);
  for (; i < m; ++i, y += y_step)
    dot_rows<1>(k, a + i * a_row, a_row, x, y, y_step, start ? start + i * y_step : nullptr);
}

template <class T>
const GemmKernel<T>& kernel_of_target() {
  static constexpr GemmKernel<T> kernel{gemm_lanes<T>, gemm_panel_width<T>, &gemm_block<T>,
                                        &rows_times_vector<T>};
  return kernel;
}
const GemmKernel<float>& kernel_f32() {
  return kernel_of_target<float>();
}
const GemmKernel<double>& kernel_f64() {
  return kernel_of_target<double>();
}

}  // namespace sonde::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sonde::cpu {
HWY_EXPORT(kernel_f32);
HWY_EXPORT(kernel_f64);

template <>
const GemmKernel<float>& gemm_kernel<float>() {
  static const GemmKernel<float>& kernel = HWY_DYNAMIC_DISPATCH(kernel_f32)();
  return kernel;
}
template <>
const GemmKernel<double>& gemm_kernel<double>() {
  static const GemmKernel<double>& kernel = HWY_DYNAMIC_DISPATCH(kernel_f64)();
  return kernel;
}

}  // namespace sonde::cpu
#endif  // HWY_ONCE
