// The LSTM over time, forward: the inputs' part of all steps' pre-activations is one product; then
// each step adds the recurrent part, tile by tile, with the four gates of a unit in one thread.
#include <algorithm>

#include "tensor/cuda/lstm_gates.hpp"
#include "tensor/cuda/lstm_steps.hpp"
#include "tensor/cuda/register.hpp"
#include "tensor/kernels/matmul.hpp"

namespace sonde::cuda {
namespace {

/// One step. `gates` may be `pre`, and `c` may be `next`: an element is read by the thread that
/// then writes it.
template <class T>
struct Step {
  std::int64_t batch, units, items;
  const T *pre, *h, *c, *w_hh, *bias;
  std::int64_t pre_lane, w_lane, bias_lane;  ///< elements from lane to lane
  bool aligned;
  T *y, *next, *gates;
};

template <class T, int m>
__device__ void step(const Step<T>& s, const LstmTile& tile) {
  const std::int64_t unit = tile.unit + thread_across(), gates = 4 * s.units;
  const T* const w = s.w_hh + tile.lane * s.w_lane;
  auto row_of = [&](int i) { return tile.row + thread_down() + i * tile_side; };
  auto is_inside = [&](int i) { return unit < s.units && row_of(i) < s.batch; };
  T sums[m][4] = {};
#pragma unroll
  for (int i = 0; i < m; ++i) {
    if (!is_inside(i)) continue;
    const T* const pre = s.pre + tile.lane * s.pre_lane + row_of(i) * gates + unit;
    const T* const bias = s.bias + tile.lane * s.bias_lane + unit;
#pragma unroll
    for (int g = 0; g < 4; ++g) sums[i][g] = pre[g * s.units] + bias[g * s.units];
  }
  const T* const h = s.h + (tile.lane * s.batch + tile.row) * s.units;
  StreamedProduct<T, m, 4>::add(
      [&](int r) { return tile.row + r < s.batch ? h + r * s.units : nullptr; },
      [&](int r) {  // gate r / 16 of the unit r % 16
        const std::int64_t u = tile.unit + r % tile_side;
        return u < s.units ? w + (r / tile_side * s.units + u) * s.units : nullptr;
      },
      s.units, s.aligned, sums);
#pragma unroll
  for (int i = 0; i < m; ++i) {
    if (!is_inside(i)) continue;
    const std::int64_t row = tile.lane * s.batch + row_of(i), at = row * s.units + unit;
    const Gates<T> gate = activate(Gates<T>{sums[i][0], sums[i][1], sums[i][2], sums[i][3]});
    const T after = next_cell(gate, s.c[at]);
    s.next[at] = after;
    s.y[at] = hidden(gate, after);
    if (s.gates) store_gates(gate, s.gates + row * gates, s.units, unit);
  }
}

template <class T, int m>
__global__ void __launch_bounds__(tile_threads) step_kernel(const __grid_constant__ Step<T> s) {
  for (std::int64_t i = blockIdx.x; i < s.items; i += gridDim.x)
    step<T, m>(s, {i, s.batch, m * tile_side, s.units, tile_side});
}

// x w_ih' as [steps, lanes, batch, 4H] in one of two orders in memory: that of x where all lanes
// share the weights, by lanes otherwise. `gates` takes it if it has that order.
Tensor input_products(const LstmSizes& n, const Tensor& x, const Tensor& w_ih,
                      const Tensor& gates) {
  const Tensor w = w_ih.transpose(1, 2);
  if (w.size(0) == 1) {
    const Dims shape{n.steps, n.lanes, n.batch, n.gates()};
    const Tensor pre = gates ? gates : Tensor::empty(shape, x.dtype(), x.device());
    multiply_by_weights(x.reshape({1, n.steps * n.lanes * n.batch, n.inputs}), w,
                        pre.reshape({1, n.steps * n.lanes * n.batch, n.gates()}));
    return pre;
  }
  const Tensor pre = Tensor::empty({n.lanes, n.steps * n.batch, n.gates()}, x.dtype(), x.device());
  multiply_by_weights(by_lane(x), w, pre);
  return pre.reshape({n.lanes, n.steps, n.batch, n.gates()}).permute({1, 0, 2, 3});
}

template <class T>
void run_steps(const LstmSizes& n, const kernels::LstmInputs& in, const kernels::LstmOutputs& out) {
  Stream& stream = stream_of(out.y.device());
  const Tensor w_hh = distinct_weights(in.w_hh), bias = distinct_weights(in.bias);
  const Tensor pre = input_products(n, in.x.contiguous(), distinct_weights(in.w_ih), out.gates);
  const Tensor h0 = in.h0.contiguous(), c0 = in.c0.contiguous();
  Step<T> s{};
  s.batch = n.batch;
  s.units = n.units;
  s.w_hh = pointer<T>(stream, w_hh);
  s.bias = pointer<T>(stream, bias);
  s.pre_lane = pre.strides()[1];
  s.w_lane = lane_stride(w_hh);
  s.bias_lane = lane_stride(bias);
  s.pre = pointer<T>(stream, pre);
  s.h = pointer<T>(stream, h0);
  s.c = pointer<T>(stream, c0);
  s.y = pointer<T>(stream, out.y);
  s.next = pointer<T>(stream, out.cells ? out.cells : out.c);
  s.gates = pointer<T>(stream, out.gates);
  s.aligned = takes_packs(s.w_hh, {n.units}) && takes_packs(s.h, {}) && takes_packs(s.y, {});
  with_tile_rows([&](int rows) { return lstm_tiles(n.lanes, n.batch, rows, n.units, tile_side); },
                 [&](auto m) {
                   s.items = lstm_tiles(n.lanes, n.batch, m * tile_side, n.units, tile_side);
                   for (std::int64_t t = 0; t < n.steps; ++t) {
                     launch("lstm", stream,
                            tile_grid(s.items, StreamedProduct<T, m, 4>::shared_bytes),
                            step_kernel<T, m>, s);
                     s.h = s.y;
                     s.c = s.next;
                     s.pre += pre.strides()[0];
                     s.y += n.state();
                     if (out.cells) s.next += n.state();
                     if (out.gates) s.gates += 4 * n.state();
                   }
                 });
}

template <class T>
kernels::LstmOutputs lstm(const kernels::LstmInputs& in, bool keep) {
  const LstmSizes n(in);
  const DType dtype = in.x.dtype();
  const Device device = in.x.device();
  const Dims y_shape{n.steps, n.lanes, n.batch, n.units};
  kernels::LstmOutputs out{Tensor::empty(y_shape, dtype, device), {}, {}, {}, {}};
  if (keep) {
    out.gates = Tensor::empty({n.steps, n.lanes, n.batch, n.gates()}, dtype, device);
    out.cells = Tensor::empty(y_shape, dtype, device);
  } else {
    out.c = Tensor::empty(in.c0.shape(), dtype, device);
  }
  if (n.steps == 0) {
    out.h = in.h0.clone();
    out.c = in.c0.clone();
    return out;
  }
  if (n.state() > 0) run_steps<T>(n, in, out);
  out.h = out.y.select(0, n.steps - 1).clone();
  if (keep) out.c = out.cells.select(0, n.steps - 1).clone();
  return out;
}

}  // namespace

void multiply_by_weights(const Tensor& rows, const Tensor& w, const Tensor& out) {
  const auto matmul = kernels::matmul.find(out.device(), out.dtype());
  if (w.size(0) != 1) {
    Tensor to = out;
    return matmul(rows, w, to);
  }
  const std::int64_t count = checked_mul(rows.size(0), rows.size(1));
  Tensor to = out.reshape({count, out.size(2)});
  matmul(rows.reshape({count, rows.size(2)}), w.select(0, 0), to);
}

void register_lstm() {
  kernels::lstm.add(DeviceType::cuda, {DType::f32}, &lstm<float>);
  kernels::lstm.add(DeviceType::cuda, {DType::f64}, &lstm<double>);
}

}  // namespace sonde::cuda
