// One step of the LSTM: a thread takes one unit of one row. Bound by memory: each element is read
// or written once, neighbouring threads neighbouring ones.
#include "tensor/cuda/launch.hpp"
#include "tensor/cuda/lstm_gates.hpp"
#include "tensor/cuda/register.hpp"
#include "tensor/kernels/lstm.hpp"

namespace sonde::cuda {
namespace {

template <class T>
__global__ void cell_kernel(const T* a, const T* c, T* h, T* next, T* gates, std::int64_t items,
                            std::int64_t units) {
  for (std::int64_t at = thread_index(); at < items; at += grid_threads()) {
    const std::int64_t unit = at % units, row = 4 * (at - unit);
    const Gates<T> s = activate(load_gates(a + row, units, unit));
    const T after = next_cell(s, c[at]);
    next[at] = after;
    h[at] = hidden(s, after);
    store_gates(s, gates + row, units, unit);
  }
}

template <class T>
std::array<Tensor, 3> lstm_cell(const Tensor& pre, const Tensor& cell) {
  const Tensor a = pre.contiguous(), c = cell.contiguous();
  std::array<Tensor, 3> out{Tensor::empty(c.shape(), c.dtype(), c.device()),
                            Tensor::empty(c.shape(), c.dtype(), c.device()),
                            Tensor::empty(a.shape(), a.dtype(), c.device())};
  if (c.numel() == 0) return out;
  Stream& stream = stream_of(c.device());
  launch("lstm_cell", stream, grid_over(c.numel()), cell_kernel<T>, pointer<T>(stream, a),
         pointer<T>(stream, c), pointer<T>(stream, out[0]), pointer<T>(stream, out[1]),
         pointer<T>(stream, out[2]), c.numel(), c.size(-1));
  return out;
}

template <class T>
__global__ void cell_grad_kernel(const T* gates, const T* before, const T* after, const T* dh,
                                 const T* dc, T* da, T* dc_out, std::int64_t items,
                                 std::int64_t units) {
  for (std::int64_t at = thread_index(); at < items; at += grid_threads()) {
    const std::int64_t unit = at % units, row = 4 * (at - unit);
    T cell = dc[at];
    const Gates<T> d =
        gate_cotangents(load_gates(gates + row, units, unit), before[at], after[at], dh[at], cell);
    dc_out[at] = cell;
    store_gates(d, da + row, units, unit);
  }
}

template <class T>
std::array<Tensor, 2> lstm_cell_grad(const kernels::LstmCellSaved& saved, const Tensor& h,
                                     const Tensor& c) {
  const Tensor gates = saved.gates.contiguous(), before = saved.before.contiguous(),
               after = saved.after.contiguous(), dh = h.contiguous(), dc = c.contiguous();
  std::array<Tensor, 2> out{Tensor::empty(gates.shape(), dh.dtype(), dh.device()),
                            Tensor::empty(dh.shape(), dh.dtype(), dh.device())};
  if (dh.numel() == 0) return out;
  Stream& stream = stream_of(dh.device());
  launch("lstm_cell_grad", stream, grid_over(dh.numel()), cell_grad_kernel<T>,
         pointer<T>(stream, gates), pointer<T>(stream, before), pointer<T>(stream, after),
         pointer<T>(stream, dh), pointer<T>(stream, dc), pointer<T>(stream, out[0]),
         pointer<T>(stream, out[1]), dh.numel(), dh.size(-1));
  return out;
}

}  // namespace

void register_lstm_cell() {
  kernels::lstm_cell.add(DeviceType::cuda, {DType::f32}, &lstm_cell<float>);
  kernels::lstm_cell.add(DeviceType::cuda, {DType::f64}, &lstm_cell<double>);
  kernels::lstm_cell_grad.add(DeviceType::cuda, {DType::f32}, &lstm_cell_grad<float>);
  kernels::lstm_cell_grad.add(DeviceType::cuda, {DType::f64}, &lstm_cell_grad<double>);
}

}  // namespace sonde::cuda
