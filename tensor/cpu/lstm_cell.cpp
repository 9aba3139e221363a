// One step of the LSTM, forward and backward, on row-major operands.
#include "tensor/cpu/lstm_steps.hpp"
#include "tensor/cpu/register.hpp"
#include "tensor/kernels/lstm.hpp"
#include "tensor/parallel.hpp"

namespace sonde::cpu {
namespace {

// Rows per task: a unit costs some 20 ns.
std::int64_t grain(std::int64_t units) {
  return 1 + 1024 / (units + 1);
}

template <class T>
std::array<Tensor, 3> lstm_cell(const Tensor& pre, const Tensor& cell) {
  const Tensor a = pre.contiguous(), c = cell.contiguous();
  std::array<Tensor, 3> out{Tensor::empty(c.shape(), c.dtype()),
                            Tensor::empty(c.shape(), c.dtype()),
                            Tensor::empty(a.shape(), a.dtype())};
  if (c.numel() == 0) return out;
  const std::int64_t units = c.size(-1);
  parallel_for(c.numel() / units, grain(units), [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t at = begin * units;
    lstm_kernels<T>().cell(a.data<T>() + 4 * at, c.data<T>() + at, out[0].data<T>() + at,
                           out[1].data<T>() + at, out[2].data<T>() + 4 * at, end - begin, units);
  });
  return out;
}

template <class T>
std::array<Tensor, 2> lstm_cell_grad(const kernels::LstmCellSaved& saved, const Tensor& h,
                                     const Tensor& c) {
  const Tensor gates = saved.gates.contiguous(), before = saved.before.contiguous(),
               after = saved.after.contiguous();
  const Tensor dh = h.contiguous(), dc = c.contiguous();
  std::array<Tensor, 2> out{Tensor::empty(gates.shape(), dh.dtype()),
                            Tensor::empty(dh.shape(), dh.dtype())};
  if (dh.numel() == 0) return out;
  const std::int64_t units = dh.size(-1);
  parallel_for(dh.numel() / units, grain(units), [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t at = begin * units;
    lstm_kernels<T>().cell_grad(
        gates.data<T>() + 4 * at, before.data<T>() + at, after.data<T>() + at, dh.data<T>() + at,
        dc.data<T>() + at, out[0].data<T>() + 4 * at, out[1].data<T>() + at, end - begin, units);
  });
  return out;
}

}  // namespace

void register_lstm_cell() {
  kernels::lstm_cell.add(DeviceType::cpu, {DType::f32}, &lstm_cell<float>);
  kernels::lstm_cell.add(DeviceType::cpu, {DType::f64}, &lstm_cell<double>);
  kernels::lstm_cell_grad.add(DeviceType::cpu, {DType::f32}, &lstm_cell_grad<float>);
  kernels::lstm_cell_grad.add(DeviceType::cpu, {DType::f64}, &lstm_cell_grad<double>);
}

}  // namespace sonde::cpu
