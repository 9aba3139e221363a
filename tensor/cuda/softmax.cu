// Softmax and log-softmax along rows, and their derivatives. Bound by memory: one read of each
// operand and one write, while a row fits into registers.
#include "tensor/cuda/register.hpp"
#include "tensor/cuda/row_exponentials.hpp"
#include "tensor/kernels/softmax_norm.hpp"
#include "tensor/rows.hpp"

namespace sonde::cuda {
namespace {

template <class Row, bool log, class T>
__global__ void softmax_kernel(const T* x, T* y, std::int64_t rows, std::int64_t size, bool wide) {
  for_each_team(rows, Row::Team::size, [&](std::int64_t r, bool real) {
    const Row row({{x + r * size}, size, wide});
    const RowExponentials<T> e = row_exponentials(row);
    const T lse = e.logsumexp(), scale = T(1) / e.sum;
    if (!real) return;
    row.write(y + r * size, [&](auto, T v) { return log ? v - lse : exp(v - e.largest) * scale; });
  });
}

// softmax: y (ct - <y, ct>); log-softmax: ct - exp(y) <1, ct>.
template <class Row, bool log, class T>
__global__ void softmax_grad_kernel(const T* y, const T* ct, T* g, std::int64_t rows,
                                    std::int64_t size, bool wide) {
  for_each_team(rows, Row::Team::size, [&](std::int64_t r, bool real) {
    const Row row({{y + r * size, ct + r * size}, size, wide});
    const T sum = row.sum([](auto, T p, T c) { return log ? c : p * c; });
    if (!real) return;
    row.write(g + r * size, [&](auto, T p, T c) { return log ? c - exp(p) * sum : p * (c - sum); });
  });
}

template <class T, bool log>
Tensor softmax(const Tensor& x, int axis) {
  Tensor y = empty_rows(x, axis);
  if (x.numel() == 0) return y;
  const Tensor source = as_rows(x, axis);
  const std::int64_t size = x.size(axis), rows = x.numel() / size;
  Stream& stream = stream_of(x.device());
  const T* in = pointer<const T>(stream, source);
  T* out = pointer<T>(stream, y);
  const bool wide = takes_packs(in, {size}) && takes_packs(out, {size});
  choose_row<T, 1>(rows, size, [&](auto kind, const Grid& grid) {
    using Row = typename decltype(kind)::type;
    launch(log ? "log_softmax" : "softmax", stream, grid, &softmax_kernel<Row, log, T>, in, out,
           rows, size, wide);
  });
  return y;
}

template <class T, bool log>
Tensor softmax_grad(const Tensor& y, const Tensor& ct, int axis) {
  Tensor g = empty_rows(y, axis);
  if (y.numel() == 0) return g;
  const Tensor y_rows = as_rows(y, axis), ct_rows = as_rows(ct, axis);
  const std::int64_t size = y.size(axis), rows = y.numel() / size;
  Stream& stream = stream_of(y.device());
  const T *in = pointer<const T>(stream, y_rows), *seed = pointer<const T>(stream, ct_rows);
  T* out = pointer<T>(stream, g);
  const bool wide =
      takes_packs(in, {size}) && takes_packs(seed, {size}) && takes_packs(out, {size});
  choose_row<T, 2>(rows, size, [&](auto kind, const Grid& grid) {
    using Row = typename decltype(kind)::type;
    launch(log ? "log_softmax_grad" : "softmax_grad", stream, grid,
           &softmax_grad_kernel<Row, log, T>, in, seed, out, rows, size, wide);
  });
  return g;
}

template <class T>
void add_softmax() {
  kernels::softmax.add(DeviceType::cuda, {dtype_of<T>}, &softmax<T, false>);
  kernels::log_softmax.add(DeviceType::cuda, {dtype_of<T>}, &softmax<T, true>);
  kernels::softmax_grad.add(DeviceType::cuda, {dtype_of<T>}, &softmax_grad<T, false>);
  kernels::log_softmax_grad.add(DeviceType::cuda, {dtype_of<T>}, &softmax_grad<T, true>);
}

}  // namespace

void register_softmax() {
  add_softmax<float>();
  add_softmax<double>();
}

}  // namespace sonde::cuda
