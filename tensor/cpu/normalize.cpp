// The normalisation kernels' front: operands row-major, results allocated, rows or columns chosen.
#include "tensor/cpu/normalize.hpp"

#include "tensor/cpu/register.hpp"

namespace sonde::cpu {
namespace {

template <class T>
T* data_or_null(const Tensor& t) {
  return t ? t.data<T>() : nullptr;
}
template <class T>
std::array<Tensor, 3> normalize(const Tensor& x, const Tensor& weight, const Tensor& bias,
                                const kernels::Normalize& attributes) {
  const NormalizeSizes sizes(x.shape());
  const Dims stats = sizes.statistics();
  const Tensor in = x.contiguous(), w = distinct_lanes(weight), b = distinct_lanes(bias);
  std::array<Tensor, 3> out{Tensor::empty(x.shape(), x.dtype()), Tensor::empty(stats, x.dtype()),
                            Tensor::empty(stats, x.dtype())};
  if (numel(stats) == 0) return out;
  const NormalizeForwardArgs<T> args{sizes,
                                     in.data<T>(),
                                     data_or_null<T>(w),
                                     data_or_null<T>(b),
                                     lane_step(w),
                                     lane_step(b),
                                     out[0].data<T>(),
                                     out[1].data<T>(),
                                     out[2].data<T>(),
                                     attributes.eps,
                                     attributes.center};
  sizes.middle == 1 ? normalize_by_rows(args) : normalize_by_columns(args);
  return out;
}

template <class T>
std::array<Tensor, 3> normalize_grad(const kernels::NormalizeSaved& saved, const Tensor& ct,
                                     const kernels::Normalize& attributes, bool parameters) {
  const Tensor x = saved.x.contiguous(), seed = ct.contiguous(), rstd = saved.rstd.contiguous();
  const Tensor w = distinct_lanes(saved.weight), mean = row_major(saved.mean);
  const NormalizeSizes sizes(x.shape());
  std::array<Tensor, 3> out{Tensor::empty(x.shape(), x.dtype())};
  if (parameters)
    for (int i : {1, 2})
      out[i] = Tensor::zeros({sizes.lanes, sizes.groups, sizes.inner}, x.dtype());
  if (x.numel() == 0) return out;
  const NormalizeBackwardArgs<T> args{sizes,
                                      x.data<T>(),
                                      data_or_null<T>(w),
                                      data_or_null<T>(mean),
                                      rstd.data<T>(),
                                      seed.data<T>(),
                                      lane_step(w),
                                      out[0].data<T>(),
                                      data_or_null<T>(out[1]),
                                      data_or_null<T>(out[2]),
                                      attributes.center};
  sizes.middle == 1 ? normalize_grad_by_rows(args) : normalize_grad_by_columns(args);
  return out;
}

}  // namespace

void register_normalize() {
  kernels::normalize.add(DeviceType::cpu, {DType::f32}, &normalize<float>);
  kernels::normalize.add(DeviceType::cpu, {DType::f64}, &normalize<double>);
  kernels::normalize_grad.add(DeviceType::cpu, {DType::f32}, &normalize_grad<float>);
  kernels::normalize_grad.add(DeviceType::cpu, {DType::f64}, &normalize_grad<double>);
}

}  // namespace sonde::cpu
