// Sorting along an axis: rows that fit one block's shared memory are read, sorted and written by
// one kernel; longer ones become keys that are sorted in device memory.
#include "tensor/cuda/argsort.hpp"
#include "tensor/cuda/block_sort.hpp"
#include "tensor/cuda/register.hpp"
#include "tensor/kernels/index.hpp"
#include "tensor/order_key.hpp"
#include "tensor/rows_along.hpp"

namespace sonde::cuda {
namespace {

// Rows of x [rows, n]; the first k in order go to values and indices [rows, k].
template <class T>
struct SortRows {
  const T* x;
  T* values;
  std::int64_t* indices;
  std::int64_t rows, n, k;
  bool descending;
};

template <class T>
__global__ void short_rows_kernel(BlockRows plan, SortRows<T> s) {
  sort_short_rows<OrderKey<T>>(
      plan, s.rows, s.n, s.k,
      [&](std::int64_t row, std::int64_t i) { return order_key(s.x[row * s.n + i], s.descending); },
      [&](std::int64_t row, std::int64_t j, std::uint32_t place) {
        s.values[row * s.k + j] = s.x[row * s.n + place];
        s.indices[row * s.k + j] = place;
      });
}

template <class T>
__global__ void keys_kernel(SortRows<T> s, OrderKey<T>* key) {
  for (std::int64_t i = thread_index(); i < s.rows * s.n; i += grid_threads())
    key[i] = order_key(s.x[i], s.descending);
}

template <class T>
__global__ void ordered_kernel(SortRows<T> s, const std::uint32_t* order) {
  for (std::int64_t i = thread_index(); i < s.rows * s.k; i += grid_threads()) {
    const std::int64_t row = i / s.k, from = order[row * s.n + i % s.k];
    s.values[i] = s.x[from];
    s.indices[i] = from - row * s.n;
  }
}

template <class T>
void sort_long_rows(Stream& stream, const SortRows<T>& s, Device device) {
  const DType bits = sizeof(OrderKey<T>) == 8 ? DType::i64 : DType::i32;
  const Tensor keys = Tensor::empty(Dims{s.rows, s.n}, bits, device);
  launch("sort", stream, grid_over(keys.numel()), keys_kernel<T>, s,
         pointer<OrderKey<T>>(stream, keys));
  const Tensor order = argsort("sort", keys);
  launch("sort", stream, grid_over(s.rows * s.k), ordered_kernel<T>, s,
         pointer<const std::uint32_t>(stream, order));
}

template <class T>
void sort(const Tensor& x0, int axis, bool descending, Tensor& values0, Tensor& indices0) {
  if (values0.numel() == 0) return;
  if (x0.shape()[axis] > BlockRows::longest) check_sortable("sort", x0.numel());
  Stream& stream = stream_of(values0.device());
  const Tensor x = x0.transpose(axis, -1).contiguous();
  const Tensor values = rows_along(values0, axis), indices = rows_along(indices0, axis);
  const std::int64_t n = x.shape().back();
  const SortRows<T> s{pointer<const T>(stream, x),
                      pointer<T>(stream, values),
                      pointer<std::int64_t>(stream, indices),
                      x.numel() / n,
                      n,
                      values.shape().back(),
                      descending};
  if (n <= BlockRows::longest) {
    const BlockRows plan(n, sizeof(SortEntry<OrderKey<T>>));
    launch("sort", stream, plan.grid(s.rows), short_rows_kernel<T>, plan, s);
  } else {
    sort_long_rows(stream, s, x.device());
  }
  put_rows(values, values0, axis);
  put_rows(indices, indices0, axis);
}

}  // namespace

void register_sort() {
  const DeviceType cuda = DeviceType::cuda;
  kernels::sort.add(cuda, {DType::f32}, &sort<float>);
  kernels::sort.add(cuda, {DType::f64}, &sort<double>);
  kernels::sort.add(cuda, {DType::i32}, &sort<std::int32_t>);
  kernels::sort.add(cuda, {DType::i64}, &sort<std::int64_t>);
  kernels::sort.add(cuda, {DType::u8}, &sort<std::uint8_t>);
  kernels::sort.add(cuda, {DType::boolean}, &sort<bool>);
}

}  // namespace sonde::cuda
