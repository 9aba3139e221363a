// The LSTM over time, backward: step by step the gates' cotangents, each step's from h's cotangent,
// which is the next step's da times the recurrent weights. All that is a sum over time (of the
// input, weights and bias) follows as large products.
#include <algorithm>

#include "tensor/cuda/lstm_gates.hpp"
#include "tensor/cuda/lstm_steps.hpp"
#include "tensor/cuda/register.hpp"
#include "tensor/kernels/matmul.hpp"
#include "tensor/kernels/reduce.hpp"

namespace sonde::cuda {
namespace {

/// One step. dc goes from the cotangent of the cell after the step to that of the cell before.
template <class T>
struct Step {
  std::int64_t batch, units, items;
  const T *gates, *before, *after, *dy;
  const T* dh;     ///< of the last h, for the last step; null for the others
  const T* later;  ///< da of the next step; null for the last
  const T* w;      ///< w_hh', [units, 4 units]
  std::int64_t da_lane, w_lane;
  bool aligned;
  T *da, *dc;
};

template <class T, int m>
__device__ void step(const Step<T>& s, const LstmTile& tile) {
  const std::int64_t gates = 4 * s.units;
  T dh[m][m] = {};
  if (s.later) {
    const T* const da = s.later + tile.lane * s.da_lane + tile.row * gates;
    const T* const w = s.w + tile.lane * s.w_lane + tile.unit * gates;
    StreamedProduct<T, m, m>::add(
        [&](int r) { return tile.row + r < s.batch ? da + r * gates : nullptr; },
        [&](int r) { return tile.unit + r < s.units ? w + r * gates : nullptr; }, gates, s.aligned,
        dh);
  }
#pragma unroll
  for (int i = 0; i < m; ++i)
#pragma unroll
    for (int j = 0; j < m; ++j) {
      const std::int64_t row = tile.row + thread_down() + i * tile_side,
                         unit = tile.unit + thread_across() + j * tile_side;
      if (row >= s.batch || unit >= s.units) continue;
      const std::int64_t state_row = tile.lane * s.batch + row, at = state_row * s.units + unit;
      const T total = dh[i][j] + s.dy[at] + (s.dh ? s.dh[at] : T(0));
      T cell = s.dc[at];
      const Gates<T> d = gate_cotangents(load_gates(s.gates + state_row * gates, s.units, unit),
                                         s.before[at], s.after[at], total, cell);
      s.dc[at] = cell;
      store_gates(d, s.da + tile.lane * s.da_lane + row * gates, s.units, unit);
    }
}

template <class T, int m>
__global__ void __launch_bounds__(tile_threads)
    step_grad_kernel(const __grid_constant__ Step<T> s) {
  for (std::int64_t i = blockIdx.x; i < s.items; i += gridDim.x)
    step<T, m>(s, {i, s.batch, m * tile_side, s.units, m * tile_side});
}

// da [lanes, steps, batch, 4H] of all steps; dc goes from the last cell's cotangent to c0's.
template <class T>
void run_steps(const LstmSizes& n, const kernels::LstmInputs& in, const kernels::LstmOutputs& out,
               const kernels::LstmCotangents& ct, const Tensor& w_hh, const Tensor& da,
               const Tensor& dc) {
  Stream& stream = stream_of(da.device());
  const Tensor w = w_hh.transpose(1, 2).contiguous(), c0 = in.c0.contiguous(),
               gates = out.gates.contiguous(), cells = out.cells.contiguous(),
               dy = ct.y.contiguous(), dh = ct.h.contiguous();
  const T *const first_cell = pointer<T>(stream, c0), *const all_cells = pointer<T>(stream, cells),
                 *const all_gates = pointer<T>(stream, gates),
                 *const all_dy = pointer<T>(stream, dy);
  T* const all_da = pointer<T>(stream, da);
  const std::int64_t da_step = n.batch * n.gates();
  Step<T> s{};
  s.batch = n.batch;
  s.units = n.units;
  s.w = pointer<T>(stream, w);
  s.da_lane = n.steps * da_step;
  s.w_lane = lane_stride(w);
  s.aligned = takes_packs(s.w, {}) && takes_packs(all_da, {n.gates()});
  s.dc = pointer<T>(stream, dc);
  with_tile_rows([&](int rows) { return lstm_tiles(n.lanes, n.batch, rows, n.units, rows); },
                 [&](auto m) {
                   s.items = lstm_tiles(n.lanes, n.batch, m * tile_side, n.units, m * tile_side);
                   for (std::int64_t t = n.steps - 1; t >= 0; --t) {
                     const bool last = t + 1 == n.steps;
                     s.gates = all_gates + 4 * t * n.state();
                     s.before = t > 0 ? all_cells + (t - 1) * n.state() : first_cell;
                     s.after = all_cells + t * n.state();
                     s.dy = all_dy + t * n.state();
                     s.dh = last ? pointer<T>(stream, dh) : nullptr;
                     s.later = last ? nullptr : all_da + (t + 1) * da_step;
                     s.da = all_da + t * da_step;
                     launch("lstm_grad", stream,
                            tile_grid(s.items, StreamedProduct<T, m, m>::shared_bytes),
                            step_grad_kernel<T, m>, s);
                   }
                 });
}

// h of the step before each, [lanes, steps * batch, H].
Tensor states_before(const LstmSizes& n, const Tensor& h0, const Tensor& y) {
  Tensor h = Tensor::empty({n.lanes, n.steps, n.batch, n.units}, y.dtype(), y.device());
  h.select(1, 0).copy_from(h0);
  h.slice(1, 1, n.steps).copy_from(y.slice(0, 0, n.steps - 1).permute({1, 0, 2, 3}));
  return h.reshape({n.lanes, n.steps * n.batch, n.units});
}

// Cotangents of a sequence of no steps.
kernels::LstmInputs nothing_but_states(const LstmSizes& n, const kernels::LstmInputs& in,
                                       const kernels::LstmCotangents& ct) {
  auto zeros = [&](const Dims& shape) { return Tensor::zeros(shape, in.x.dtype(), in.x.device()); };
  return {zeros(in.x.shape()),
          ct.h.clone(),
          ct.c.clone(),
          zeros({n.lanes, n.gates(), n.inputs}),
          zeros({n.lanes, n.gates(), n.units}),
          zeros({n.lanes, n.gates()})};
}

template <class T>
kernels::LstmInputs lstm_grad(const kernels::LstmInputs& in, const kernels::LstmOutputs& out,
                              const kernels::LstmCotangents& ct) {
  const LstmSizes n(in);
  if (n.steps == 0) return nothing_but_states(n, in, ct);
  auto empty = [&](const Dims& shape) { return Tensor::empty(shape, in.x.dtype(), in.x.device()); };
  const std::int64_t rows = n.steps * n.batch;
  const Tensor w_ih = distinct_weights(in.w_ih), w_hh = distinct_weights(in.w_hh);
  const Tensor da = empty({n.lanes, rows, n.gates()}), dx = empty({n.lanes, rows, n.inputs});
  kernels::LstmInputs grad{{},
                           empty({n.lanes, n.batch, n.units}),
                           ct.c.contiguous().clone(),
                           empty({n.lanes, n.gates(), n.inputs}),
                           empty({n.lanes, n.gates(), n.units}),
                           empty({n.lanes, n.gates()})};
  if (da.numel() > 0) run_steps<T>(n, in, out, ct, w_hh, da, grad.c0);
  multiply_by_weights(da.slice(1, 0, n.batch), w_hh, grad.h0);
  multiply_by_weights(da, w_ih, dx);
  grad.x = dx.reshape({n.lanes, n.steps, n.batch, n.inputs}).permute({1, 0, 2, 3});
  const auto matmul = kernels::matmul.find(da.device(), da.dtype());
  matmul(da.transpose(1, 2), by_lane(in.x), grad.w_ih);
  matmul(da.transpose(1, 2), states_before(n, in.h0, out.y), grad.w_hh);
  kernels::sum.find(da.device(), da.dtype())(da, {1}, grad.bias);
  return grad;
}

}  // namespace

void register_lstm_grad() {
  kernels::lstm_grad.add(DeviceType::cuda, {DType::f32}, &lstm_grad<float>);
  kernels::lstm_grad.add(DeviceType::cuda, {DType::f64}, &lstm_grad<double>);
}

}  // namespace sonde::cuda
