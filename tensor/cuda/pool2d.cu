// Pooling: each thread makes neighbouring channels of one position, from windows in closed form.
// Bound by memory: windows that overlap are read again from the caches.
#include <limits>

#include "tensor/conv_frame.hpp"
#include "tensor/cuda/conv_plan.hpp"
#include "tensor/cuda/launch.hpp"
#include "tensor/cuda/pack.hpp"
#include "tensor/cuda/register.hpp"

namespace sonde::cuda {
namespace {

// One axis of a pooling.
struct PoolAxis {
  std::int64_t in, out, kernel, stride, padding, dilation;
  bool adaptive;
};

PoolAxis pool_axis(const PoolAttrs& a, std::size_t i, std::int64_t in, std::int64_t out) {
  return {in, out, a.kernel[i], a.stride[i], a.padding[i], a.dilation[i], a.adaptive};
}

// Positions begin, begin + step, ... < end, all inside the image. `full` also counts positions in
// the padding.
struct Window {
  std::int64_t begin, end, step, full;
};

__host__ __device__ std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

__device__ Window window_of(const PoolAxis& a, std::int64_t i) {
  if (a.adaptive) {
    const std::int64_t begin = i * a.in / a.out, end = ceil_div((i + 1) * a.in, a.out);
    return {begin, end, 1, end - begin};
  }
  const std::int64_t start = i * a.stride - a.padding,
                     stop = start + a.dilation * (a.kernel - 1) + 1;
  const std::int64_t begin = start >= 0 ? start : start + ceil_div(-start, a.dilation) * a.dilation;
  return {begin, min(stop, a.in), a.dilation, min(stop, a.in + a.padding) - start};
}

// The outputs [begin, end) whose windows cover position h; windows have step 1.
__device__ Window covering(const PoolAxis& a, std::int64_t h) {
  if (a.adaptive) return {h * a.out / a.in, ceil_div((h + 1) * a.out, a.in), 1, 0};
  const std::int64_t first = h + a.padding - a.kernel + 1;
  const std::int64_t begin = first > 0 ? ceil_div(first, a.stride) : 0;
  return {begin, min((h + a.padding) / a.stride + 1, a.out), 1, 0};
}

// Number of elements a window's mean divides by; as double, since padding may make it huge.
__device__ double divisor(const Window& r, const Window& s, bool include_pad) {
  if (include_pad) return static_cast<double>(r.full) * static_cast<double>(s.full);
  return static_cast<double>(r.end - r.begin) * static_cast<double>(s.end - s.begin);
}

// An image [lanes, batch, height, width, channels] whose channels are neighbours.
template <class T>
struct Image {
  T* data;
  std::int64_t lane, batch, row, column;
};

template <class T>
Image<T> image_of(Stream& stream, const Tensor& t) {
  const Dims& s = t.strides();
  return {pointer<std::remove_const_t<T>>(stream, t), s[0], s[1], s[3], s[4]};
}

template <class T>
struct Pooling {
  Image<const T> source;
  T* dest;                // [lanes, batch, height, width, channels] without gaps
  std::int64_t* indices;  // as dest; null for a mean
  std::int64_t batch, height, width, channels;  // of dest
  PoolAxis rows, columns;
  bool include_pad;
};

// Where item `i` of dest, of Width channels each, is.
template <class T>
struct Place {
  std::int64_t row, column;
  const T* source;  // of row 0, column 0
};

template <int Width, class T>
__device__ Place<T> place_of(const Pooling<T>& p, std::int64_t i) {
  const std::int64_t channel = unfold(i, p.channels / Width) * Width;
  const std::int64_t column = unfold(i, p.width), row = unfold(i, p.height), n = unfold(i, p.batch);
  return {row, column, p.source.data + i * p.source.lane + n * p.source.batch + channel};
}

// The first maximum wins, the last NaN beats all.
template <class T, int Width>
__global__ void max_pool_kernel(const __grid_constant__ Pooling<T> p, std::int64_t items) {
  for (std::int64_t i = thread_index(); i < items; i += grid_threads()) {
    const Place<T> at = place_of<Width>(p, i);
    const Window r = window_of(p.rows, at.row), s = window_of(p.columns, at.column);
    Pack<T, Width> best;
    std::int64_t where[Width];
    for (int c = 0; c < Width; ++c) {
      best.v[c] = -std::numeric_limits<T>::infinity();
      where[c] = r.begin * p.columns.in + s.begin;
    }
    for (std::int64_t h = r.begin; h < r.end; h += r.step)
#pragma unroll 4
      for (std::int64_t w = s.begin; w < s.end; w += s.step) {
        const auto x = load_pack<Width>(at.source + h * p.source.row + w * p.source.column);
#pragma unroll
        for (int c = 0; c < Width; ++c)
          if (x.v[c] > best.v[c] || x.v[c] != x.v[c]) {
            best.v[c] = x.v[c];
            where[c] = h * p.columns.in + w;
          }
      }
    store_pack<Width>(p.dest + i * Width, best);
#pragma unroll
    for (int c = 0; c < Width; ++c) p.indices[i * Width + c] = where[c];
  }
}

template <class T, int Width>
__global__ void avg_pool_kernel(const __grid_constant__ Pooling<T> p, std::int64_t items) {
  for (std::int64_t i = thread_index(); i < items; i += grid_threads()) {
    const Place<T> at = place_of<Width>(p, i);
    const Window r = window_of(p.rows, at.row), s = window_of(p.columns, at.column);
    Pack<T, Width> sum{};
    for (std::int64_t h = r.begin; h < r.end; ++h)
#pragma unroll 4
      for (std::int64_t w = s.begin; w < s.end; ++w) {
        const auto x = load_pack<Width>(at.source + h * p.source.row + w * p.source.column);
#pragma unroll
        for (int c = 0; c < Width; ++c) sum.v[c] += x.v[c];
      }
    const T count = static_cast<T>(divisor(r, s, p.include_pad));
#pragma unroll
    for (int c = 0; c < Width; ++c) sum.v[c] /= count;
    store_pack<Width>(p.dest + i * Width, sum);
  }
}

// `source` is the output's gradient, `dest` the input's: each position gathers from the windows
// that cover it.
template <class T, int Width>
__global__ void avg_pool_grad_kernel(const __grid_constant__ Pooling<T> p, std::int64_t items) {
  for (std::int64_t i = thread_index(); i < items; i += grid_threads()) {
    const Place<T> at = place_of<Width>(p, i);
    const Window rows = covering(p.rows, at.row), columns = covering(p.columns, at.column);
    Pack<T, Width> sum{};
    for (std::int64_t h = rows.begin; h < rows.end; ++h) {
      const Window r = window_of(p.rows, h);
      for (std::int64_t w = columns.begin; w < columns.end; ++w) {
        const T count = static_cast<T>(divisor(r, window_of(p.columns, w), p.include_pad));
        const auto x = load_pack<Width>(at.source + h * p.source.row + w * p.source.column);
#pragma unroll
        for (int c = 0; c < Width; ++c) sum.v[c] += x.v[c] / count;
      }
    }
    store_pack<Width>(p.dest + i * Width, sum);
  }
}

// `source` [L,N,C,.,.] to `dest`, both channels last; `in` and `out` have the sizes of the
// pooling's input and output.
template <class T>
Pooling<T> pooling_of(Stream& stream, const Tensor& source, const Tensor& dest, const Dims& in,
                      const Dims& out, const PoolAttrs& a) {
  return {image_of<const T>(stream, source),
          pointer<T>(stream, dest),
          nullptr,
          dest.size(1),
          dest.size(3),
          dest.size(4),
          dest.size(2),
          pool_axis(a, 0, in[3], out[3]),
          pool_axis(a, 1, in[4], out[4]),
          a.count_include_pad};
}

template <class T>
using PoolKernel = void (*)(Pooling<T>, std::int64_t);

// Launches the one of the two kernels that the channels allow.
template <class T>
void run(std::string_view op, Stream& stream, const Pooling<T>& p, std::int64_t elements,
         PoolKernel<T> wide, PoolKernel<T> narrow) {
  const bool packs = takes_packs(
      p.source.data, {p.channels, p.source.lane, p.source.batch, p.source.row, p.source.column});
  const std::int64_t items = packs ? elements / widest<T> : elements;
  launch(op, stream, grid_over(items), packs ? wide : narrow, p, items);
}

template <class T>
kernels::MaxPooled max_pool2d(const Tensor& x, const PoolAttrs& a) {
  if (x.rank() == 4) {
    const kernels::MaxPooled y = max_pool2d<T>(x.unsqueeze(0), a);
    return {y.values.select(0, 0), y.indices.select(0, 0)};
  }
  const Dims shape = pooled_shape(x.shape(), a);
  kernels::MaxPooled y{empty_channels_last(shape, x.dtype(), x.device()),
                       empty_channels_last(shape, DType::i64, x.device())};
  if (y.values.numel() == 0) return y;
  Stream& stream = stream_of(x.device());
  const Tensor source = channels_last(x);
  Pooling<T> p = pooling_of<T>(stream, source, y.values, x.shape(), shape, a);
  p.indices = pointer<std::int64_t>(stream, y.indices);
  run(std::string_view("max_pool2d"), stream, p, y.values.numel(), max_pool_kernel<T, widest<T>>,
      max_pool_kernel<T, 1>);
  return y;
}

template <class T>
Tensor avg_pool2d(const Tensor& x, const PoolAttrs& a) {
  if (x.rank() == 4) return avg_pool2d<T>(x.unsqueeze(0), a).select(0, 0);
  const Dims shape = pooled_shape(x.shape(), a);
  const Tensor y = empty_channels_last(shape, x.dtype(), x.device());
  if (y.numel() == 0) return y;
  Stream& stream = stream_of(x.device());
  const Tensor source = channels_last(x);
  run(std::string_view("avg_pool2d"), stream, pooling_of<T>(stream, source, y, x.shape(), shape, a),
      y.numel(), avg_pool_kernel<T, widest<T>>, avg_pool_kernel<T, 1>);
  return y;
}

template <class T>
Tensor avg_pool2d_grad(const Tensor& dy, Size2 input, const PoolAttrs& a) {
  if (dy.rank() == 4) return avg_pool2d_grad<T>(dy.unsqueeze(0), input, a).select(0, 0);
  const Dims shape{dy.size(0), dy.size(1), dy.size(2), input[0], input[1]};
  const Tensor dx = empty_channels_last(shape, dy.dtype(), dy.device());
  if (dx.numel() == 0) return dx;
  Stream& stream = stream_of(dy.device());
  const Tensor source = channels_last(dy);
  run(std::string_view("avg_pool2d_grad"), stream,
      pooling_of<T>(stream, source, dx, shape, dy.shape(), a), dx.numel(),
      avg_pool_grad_kernel<T, widest<T>>, avg_pool_grad_kernel<T, 1>);
  return dx;
}

template <class T>
void register_for(DType t) {
  kernels::max_pool2d.add(DeviceType::cuda, {t}, &max_pool2d<T>);
  kernels::avg_pool2d.add(DeviceType::cuda, {t}, &avg_pool2d<T>);
  kernels::avg_pool2d_grad.add(DeviceType::cuda, {t}, &avg_pool2d_grad<T>);
}

}  // namespace

void register_pool() {
  register_for<float>(DType::f32);
  register_for<double>(DType::f64);
}

}  // namespace sonde::cuda
