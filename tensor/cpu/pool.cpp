#include "tensor/conv_frame.hpp"
#include "tensor/cpu/pool_simd.hpp"
#include "tensor/cpu/register.hpp"
#include "tensor/parallel.hpp"

namespace sonde::cpu {
namespace {

template <class T>
Image<T> image_of(const Tensor& t) {
  const Dims& s = t.strides();
  return {t.data<std::remove_const_t<T>>(), s[1], s[3], s[4]};
}

// Lanes and images are one axis of a channels-last result; of an input they may be two.
Tensor one_lane(const Tensor& t) {
  const Dims &n = t.shape(), &s = t.strides();
  if (n[0] == 1 || n[1] == 1 || s[0] == n[1] * s[1]) {
    const std::int64_t step = n[1] == 1 ? s[0] : s[1];
    return t.as_strided({1, n[0] * n[1], n[2], n[3], n[4]}, {0, step, s[2], s[3], s[4]},
                        t.offset());
  }
  Tensor copy = empty_channels_last(n, t.dtype());
  copy.copy_from(t);
  return one_lane(copy);
}

// Runs rows(begin, end) over all rows of `dest`; `taps` is the work of one element.
template <class F>
void for_rows(const Tensor& dest, std::int64_t taps, const F& rows) {
  const std::int64_t work = dest.size(4) * dest.size(2) * taps / 4;
  parallel_for(dest.size(1) * dest.size(3), 1 + (1 << 15) / (work + 1), rows);
}

std::int64_t window_area(const std::vector<Window>& rows, const std::vector<Window>& columns) {
  return ((rows[0].end - rows[0].begin) / rows[0].step + 1) *
         ((columns[0].end - columns[0].begin) / columns[0].step + 1);
}

template <class T>
kernels::MaxPooled max_pool2d(const Tensor& x, const PoolAttrs& a) {
  if (x.rank() == 4) {
    const kernels::MaxPooled y = max_pool2d<T>(x.unsqueeze(0), a);
    return {y.values.select(0, 0), y.indices.select(0, 0)};
  }
  const Dims shape = pooled_shape(x.shape(), a);
  kernels::MaxPooled y{empty_channels_last(shape, x.dtype()),
                       empty_channels_last(shape, DType::i64)};
  if (y.values.numel() == 0) return y;
  const auto rows = pool_windows(a, 0, x.size(3), shape[3]),
             columns = pool_windows(a, 1, x.size(4), shape[4]);
  const Tensor source = one_lane(channels_last(x)), values = one_lane(y.values),
               indices = one_lane(y.indices);
  const Pooling<T> pool{image_of<const T>(source),
                        image_of<T>(values),
                        source.size(1),
                        source.size(2),
                        source.size(4),
                        &rows,
                        &columns,
                        false};
  for_rows(values, window_area(rows, columns), [&](std::int64_t begin, std::int64_t end) {
    max_pool_rows(pool, image_of<std::int64_t>(indices), begin, end);
  });
  return y;
}

template <class T>
Tensor avg_pool2d(const Tensor& x, const PoolAttrs& a) {
  if (x.rank() == 4) return avg_pool2d<T>(x.unsqueeze(0), a).select(0, 0);
  const Tensor y = empty_channels_last(pooled_shape(x.shape(), a), x.dtype());
  if (y.numel() == 0) return y;
  const auto rows = pool_windows(a, 0, x.size(3), y.size(3)),
             columns = pool_windows(a, 1, x.size(4), y.size(4));
  const Tensor source = one_lane(channels_last(x)), dest = one_lane(y);
  const Pooling<T> pool{image_of<const T>(source),
                        image_of<T>(dest),
                        source.size(1),
                        source.size(2),
                        source.size(4),
                        &rows,
                        &columns,
                        a.count_include_pad};
  for_rows(dest, window_area(rows, columns),
           [&](std::int64_t begin, std::int64_t end) { avg_pool_rows(pool, begin, end); });
  return y;
}

template <class T>
Tensor avg_pool2d_grad(const Tensor& dy, Size2 input, const PoolAttrs& a) {
  if (dy.rank() == 4) return avg_pool2d_grad<T>(dy.unsqueeze(0), input, a).select(0, 0);
  Tensor dx =
      empty_channels_last({dy.size(0), dy.size(1), dy.size(2), input[0], input[1]}, dy.dtype());
  if (dx.numel() == 0) return dx;
  const auto rows = pool_windows(a, 0, input[0], dy.size(3)),
             columns = pool_windows(a, 1, input[1], dy.size(4));
  const auto covering_rows = covering_windows(rows, input[0]),
             covering_columns = covering_windows(columns, input[1]);
  const Tensor source = one_lane(channels_last(dy)), dest = one_lane(dx);
  const Pooling<T> pool{image_of<const T>(source),
                        image_of<T>(dest),
                        source.size(1),
                        source.size(2),
                        source.size(4),
                        &rows,
                        &columns,
                        a.count_include_pad};
  for_rows(dest, window_area(covering_rows, covering_columns),
           [&](std::int64_t begin, std::int64_t end) {
             avg_pool_grad_rows(pool, covering_rows, covering_columns, begin, end);
           });
  return dx;
}

}  // namespace

void register_pool() {
  kernels::max_pool2d.add(DeviceType::cpu, {DType::f32}, &max_pool2d<float>);
  kernels::max_pool2d.add(DeviceType::cpu, {DType::f64}, &max_pool2d<double>);
  kernels::avg_pool2d.add(DeviceType::cpu, {DType::f32}, &avg_pool2d<float>);
  kernels::avg_pool2d.add(DeviceType::cpu, {DType::f64}, &avg_pool2d<double>);
  kernels::avg_pool2d_grad.add(DeviceType::cpu, {DType::f32}, &avg_pool2d_grad<float>);
  kernels::avg_pool2d_grad.add(DeviceType::cpu, {DType::f64}, &avg_pool2d_grad<double>);
}

}  // namespace sonde::cpu
