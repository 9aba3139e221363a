// Softmax and log-softmax along rows, and the kernels of their derivatives.
#include "tensor/cpu/register.hpp"
#include "tensor/cpu/rows.hpp"
#include "tensor/kernels/softmax_norm.hpp"
#include "tensor/parallel.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/softmax.cpp"
#include "hwy/foreach_target.h"
#include "tensor/cpu/softmax_row-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sonde::cpu::HWY_NAMESPACE {
namespace {

// Rows begin .. end-1 of y = softmax(x), or log-softmax. Both tensors are rows in memory.
void softmax_rows(const Tensor& x, const Tensor& y, std::int64_t size, bool log, std::int64_t begin,
                  std::int64_t end) {
  visit_float(x.dtype(), [&](auto zero) HWY_ATTR {
    using T = decltype(zero);
    const AlongRow row(hn::ScalableTag<T>(), size);
    const T* in = x.data<T>();
    T* out = y.data<T>();
    const std::int64_t step = log ? logarithm_block : 1;
    for (std::int64_t r = begin; r < end; r += step) {
      const std::int64_t at = r * size;
      if (log)
        log_softmax_rows(row, in + at, out + at, size, std::min(step, end - r));
      else
        softmax_row(row, in + at, out + at);
    }
  });
}

void softmax_grad_rows(const Tensor& y, const Tensor& ct, const Tensor& g, std::int64_t size,
                       bool log, std::int64_t begin, std::int64_t end) {
  visit_float(y.dtype(), [&](auto zero) HWY_ATTR {
    using T = decltype(zero);
    const AlongRow row(hn::ScalableTag<T>(), size);
    const T *out = y.data<T>(), *seed = ct.data<T>();
    T* in = g.data<T>();
    for (std::int64_t i = begin * size; i < end * size; i += size)
      log ? log_softmax_grad_row(row, out + i, seed + i, in + i)
          : softmax_grad_row(row, out + i, seed + i, in + i);
  });
}

}  // namespace
}  // namespace sonde::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sonde::cpu {
namespace {

HWY_EXPORT(softmax_rows);
HWY_EXPORT(softmax_grad_rows);

template <bool log>
Tensor softmax(const Tensor& x, int axis) {
  Tensor y = empty_rows(x, axis);
  if (x.numel() == 0) return y;
  const std::int64_t size = x.size(axis);
  const Tensor rows = as_rows(x, axis);
  parallel_for(x.numel() / size, row_grain(size), [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(softmax_rows)(rows, y, size, log, begin, end);
  });
  return y;
}

template <bool log>
Tensor softmax_grad(const Tensor& y, const Tensor& ct, int axis) {
  Tensor g = empty_rows(y, axis);
  if (y.numel() == 0) return g;
  const std::int64_t size = y.size(axis);
  const Tensor y_rows = as_rows(y, axis), ct_rows = as_rows(ct, axis);
  parallel_for(y.numel() / size, row_grain(size), [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(softmax_grad_rows)(y_rows, ct_rows, g, size, log, begin, end);
  });
  return g;
}

}  // namespace

void register_softmax() {
  kernels::softmax.add(DeviceType::cpu, {DType::f32, DType::f64}, &softmax<false>);
  kernels::log_softmax.add(DeviceType::cpu, {DType::f32, DType::f64}, &softmax<true>);
  kernels::softmax_grad.add(DeviceType::cpu, {DType::f32, DType::f64}, &softmax_grad<false>);
  kernels::log_softmax_grad.add(DeviceType::cpu, {DType::f32, DType::f64}, &softmax_grad<true>);
}

}  // namespace sonde::cpu
#endif  // HWY_ONCE
