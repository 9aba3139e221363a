// Positions of extremes and running sums, along one axis of a row-major copy [outer, n, inner].
#include <algorithm>

#include "tensor/cpu/reduce.hpp"
#include "tensor/parallel.hpp"
#include "tensor/reduce_ops.hpp"

namespace sonde::cpu {
namespace {

constexpr std::int64_t grain = 1 << 15;
constexpr std::int64_t block = 256;  // columns at a time

struct Extent {
  std::int64_t outer = 1, n = 1, inner = 1;
};
Extent extent(const Tensor& t, int axis) {
  Extent e;
  for (int i = 0; i < t.rank(); ++i)
    (i < axis ? e.outer : i == axis ? e.n : e.inner) *= t.shape()[i];
  return e;
}

// Calls f(offset of the first element, first output, width) for every block of up to `block`
// neighbouring columns.
template <class F>
void for_columns(const Extent& e, F&& f) {
  if (e.outer == 0 || e.n == 0 || e.inner == 0) return;  // the other sizes may be huge
  const std::int64_t blocks = (e.inner + block - 1) / block,
                     work = std::max<std::int64_t>(1, e.n * std::min(e.inner, block));
  parallel_for(e.outer * blocks, std::max<std::int64_t>(1, grain / work),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t task = begin; task < end; ++task) {
                   const std::int64_t a = task / blocks, first = task % blocks * block;
                   f(a * e.n * e.inner + first, a * e.inner + first,
                     std::min(block, e.inner - first));
                 }
               });
}

template <class T, class Beats>
void arg_extreme(const Tensor& in, int axis, Tensor& out) {
  const Tensor source = in.contiguous();
  const Extent e = extent(source, axis);
  const T* x = source.data<T>();
  std::int64_t* y = out.data<std::int64_t>();
  for_columns(e, [&](std::int64_t offset, std::int64_t first, std::int64_t width) {
    T best[block];
    std::copy_n(x + offset, width, best);
    std::fill_n(y + first, width, 0);
    for (std::int64_t r = 1; r < e.n; ++r)
      for (std::int64_t j = 0; j < width; ++j)
        if (const T v = x[offset + r * e.inner + j]; Beats()(v, best[j]))
          best[j] = v, y[first + j] = r;
  });
}

template <class T, class Out>
void running_sum(const Tensor& in, int axis, bool reverse, Tensor& out) {
  using Total = std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t>;
  const Tensor source = in.contiguous();
  const Extent e = extent(source, axis);
  const T* x = source.data<T>();
  Out* y = out.data<Out>();
  for_columns(e, [&](std::int64_t offset, std::int64_t, std::int64_t width) {
    Total total[block] = {};
    for (std::int64_t step = 0; step < e.n; ++step) {
      const std::int64_t row = offset + (reverse ? e.n - 1 - step : step) * e.inner;
      for (std::int64_t j = 0; j < width; ++j)
        y[row + j] = static_cast<Out>(total[j] += static_cast<Total>(x[row + j]));
    }
  });
}

template <class T>
void add_arg_extremes() {
  kernels::argmax.add(DeviceType::cpu, {dtype_of<T>}, &arg_extreme<T, reduce_ops::Greater>);
  kernels::argmin.add(DeviceType::cpu, {dtype_of<T>}, &arg_extreme<T, reduce_ops::Less>);
}
template <class T, class Out>
void add_running_sum() {
  kernels::cumsum.add(DeviceType::cpu, {dtype_of<T>}, &running_sum<T, Out>);
}

}  // namespace

void install_scans() {
  add_arg_extremes<float>();
  add_arg_extremes<double>();
  add_arg_extremes<std::int32_t>();
  add_arg_extremes<std::int64_t>();
  add_arg_extremes<std::uint8_t>();
  add_arg_extremes<bool>();
  add_running_sum<float, float>();
  add_running_sum<double, double>();
  add_running_sum<std::int32_t, std::int64_t>();
  add_running_sum<std::int64_t, std::int64_t>();
  add_running_sum<std::uint8_t, std::int64_t>();
  add_running_sum<bool, std::int64_t>();
}

}  // namespace sonde::cpu
