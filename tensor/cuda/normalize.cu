// The normalisation kernels' front: operands row-major, results allocated, rows or columns chosen.
#include "tensor/cuda/normalize.hpp"

#include "tensor/cuda/register.hpp"

namespace sonde::cuda {
namespace {

template <class T>
std::array<Tensor, 3> normalize(const Tensor& x, const Tensor& weight, const Tensor& bias,
                                const kernels::Normalize& attributes) {
  const NormalizeSizes sizes(x.shape());
  const Dims stats = sizes.statistics();
  const Tensor in = x.contiguous(), w = distinct_lanes(weight), b = distinct_lanes(bias);
  std::array<Tensor, 3> out{Tensor::empty(x.shape(), x.dtype(), x.device()),
                            Tensor::empty(stats, x.dtype(), x.device()),
                            Tensor::empty(stats, x.dtype(), x.device())};
  if (numel(stats) == 0) return out;
  Stream& stream = stream_of(x.device());
  const NormalizeForwardArgs<T> args{.sizes = sizes,
                                     .x = pointer<const T>(stream, in),
                                     .weight = pointer<const T>(stream, w),
                                     .bias = pointer<const T>(stream, b),
                                     .weight_lane = lane_step(w),
                                     .bias_lane = lane_step(b),
                                     .y = pointer<T>(stream, out[0]),
                                     .mean = pointer<T>(stream, out[1]),
                                     .rstd = pointer<T>(stream, out[2]),
                                     .eps = attributes.eps,
                                     .center = attributes.center};
  sizes.middle == 1 ? normalize_by_rows(stream, args) : normalize_by_columns(stream, args);
  return out;
}

template <class T>
std::array<Tensor, 3> normalize_grad(const kernels::NormalizeSaved& saved, const Tensor& ct,
                                     const kernels::Normalize& attributes, bool parameters) {
  const Tensor x = saved.x.contiguous(), seed = ct.contiguous(), rstd = saved.rstd.contiguous();
  const Tensor w = distinct_lanes(saved.weight), mean = row_major(saved.mean);
  const NormalizeSizes sizes(x.shape());
  std::array<Tensor, 3> out{Tensor::empty(x.shape(), x.dtype(), x.device())};
  const Dims shape{sizes.lanes, sizes.groups, sizes.inner};
  for (int i : {1, 2})
    if (parameters)
      out[i] = x.numel() == 0 ? Tensor::zeros(shape, x.dtype(), x.device())
                              : Tensor::empty(shape, x.dtype(), x.device());
  if (x.numel() == 0) return out;
  Stream& stream = stream_of(x.device());
  const NormalizeBackwardArgs<T> args{.sizes = sizes,
                                      .x = pointer<const T>(stream, x),
                                      .weight = pointer<const T>(stream, w),
                                      .mean = pointer<const T>(stream, mean),
                                      .rstd = pointer<const T>(stream, rstd),
                                      .ct = pointer<const T>(stream, seed),
                                      .weight_lane = lane_step(w),
                                      .dx = pointer<T>(stream, out[0]),
                                      .dweight = pointer<T>(stream, out[1]),
                                      .dbias = pointer<T>(stream, out[2]),
                                      .center = attributes.center};
  sizes.middle == 1 ? normalize_grad_by_rows(stream, args)
                    : normalize_grad_by_columns(stream, args);
  return out;
}

}  // namespace

void register_normalize() {
  kernels::normalize.add(DeviceType::cuda, {DType::f32}, &normalize<float>);
  kernels::normalize.add(DeviceType::cuda, {DType::f64}, &normalize<double>);
  kernels::normalize_grad.add(DeviceType::cuda, {DType::f32}, &normalize_grad<float>);
  kernels::normalize_grad.add(DeviceType::cuda, {DType::f64}, &normalize_grad<double>);
}

}  // namespace sonde::cuda
