// The LSTM over time. A task takes some rows of the batch through all steps, so no step waits for
// another task. Backward: the gates' cotangents step by step, then everything that is a sum over
// time (input, weights, bias) as large products.
#include <algorithm>

#include "tensor/cpu/gemm.hpp"
#include "tensor/cpu/gemm_kernel.hpp"
#include "tensor/cpu/lstm_steps.hpp"
#include "tensor/cpu/register.hpp"
#include "tensor/kernels/lstm.hpp"
#include "tensor/kernels/reduce.hpp"
#include "tensor/parallel.hpp"

namespace sonde::cpu {
namespace {

constexpr std::int64_t rows_per_task = 16;  // at least

struct Sizes {
  std::int64_t steps, lanes, batch, inputs, units;
  explicit Sizes(const kernels::LstmInputs& in)
      : steps(in.x.size(0)),
        lanes(in.x.size(1)),
        batch(in.x.size(2)),
        inputs(in.x.size(3)),
        units(in.h0.size(2)) {}
  std::int64_t rows() const { return lanes * batch; }
  std::int64_t gates() const { return 4 * units; }
};

bool shared(const Tensor& weights) {
  return weights.size(0) <= 1 || weights.strides()[0] == 0;
}
// One matrix per lane, or the one that all lanes share: [1 or lanes, ...], row-major.
Tensor distinct(const Tensor& weights) {
  return shared(weights) && weights.size(0) > 0 ? weights.slice(0, 0, 1).contiguous()
                                                : weights.contiguous();
}

/// Calls f(lane, first row of the batch, number of rows), in parallel. Every task reads all weights
/// at every step, so there are no more tasks than threads. Their boundaries may depend on the
/// threads: a row's numbers are the same in whatever task it is.
template <class F>
void each_task(const Sizes& n, F f) {
  const std::int64_t wanted = 1 + (threads() - 1) / std::max<std::int64_t>(1, n.lanes);
  const std::int64_t parts = std::min(wanted, chunk_count(n.batch, rows_per_task));
  parallel_for(n.lanes * parts, 1 + rows_per_task / (n.batch / parts + 1),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t u = begin; u < end; ++u) {
                   const std::int64_t first = chunk_begin(n.batch, parts, u % parts);
                   f(u / parts, first, chunk_begin(n.batch, parts, u % parts + 1) - first);
                 }
               });
}

// Weights and bias as LstmKernels::Step wants them, one set per distinct lane.
template <class T>
class Packed {
 public:
  Packed(const kernels::LstmInputs& in, const Sizes& n) : n_(n), panel_(lstm_kernels<T>().panel) {
    const Tensor w_ih = distinct(in.w_ih), w_hh = distinct(in.w_hh), bias = distinct(in.bias);
    sets_ = std::max({w_ih.size(0), w_hh.size(0), bias.size(0)});
    panels_ = (n.units + panel_ - 1) / panel_;
    memory_ = Tensor::empty({sets_, panels_, depth() + 1, 4 * panel_}, dtype_of<T>);
    parallel_for(sets_ * panels_, 1 + (1 << 15) / (depth() * 4 * panel_ + 1),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t i = begin; i < end; ++i) {
                     auto lane = [&](const Tensor& t) {
                       return t.data<T>() +
                              (t.size(0) == 1 ? 0 : i / panels_ * (t.numel() / t.size(0)));
                     };
                     pack(lane(w_ih), lane(w_hh), lane(bias), i / panels_, i % panels_);
                   }
                 });
  }
  const T* weights(std::int64_t lane) const { return set(lane); }
  const T* bias(std::int64_t lane) const { return set(lane) + panels_ * depth() * 4 * panel_; }

 private:
  std::int64_t depth() const { return n_.inputs + n_.units; }
  T* set(std::int64_t lane) const {
    return memory_.data<T>() + (sets_ == 1 ? 0 : lane) * panels_ * (depth() + 1) * 4 * panel_;
  }

  void pack(const T* w_ih, const T* w_hh, const T* bias, std::int64_t lane,
            std::int64_t panel) const {
    T* to = set(lane) + panel * depth() * 4 * panel_;
    T* to_bias = set(lane) + panels_ * depth() * 4 * panel_ + panel * 4 * panel_;
    for (std::int64_t g = 0; g < 4; ++g)
      for (std::int64_t j = 0; j < panel_; ++j) {
        const std::int64_t unit = panel * panel_ + j, row = g * n_.units + unit;
        const bool padding = unit >= n_.units;
        T* column = to + g * panel_ + j;
        for (std::int64_t k = 0; k < n_.inputs; ++k)
          column[k * 4 * panel_] = padding ? T(0) : w_ih[row * n_.inputs + k];
        column += n_.inputs * 4 * panel_;
        for (std::int64_t k = 0; k < n_.units; ++k)
          column[k * 4 * panel_] = padding ? T(0) : w_hh[row * n_.units + k];
        to_bias[g * panel_ + j] = padding ? T(0) : bias[row];
      }
  }

  Sizes n_;
  std::int64_t panel_, panels_, sets_;
  Tensor memory_;
};

template <class T>
kernels::LstmOutputs lstm(const kernels::LstmInputs& in, bool keep) {
  const Sizes n(in);
  const DType dtype = dtype_of<T>;
  const Dims y_shape{n.steps, n.lanes, n.batch, n.units},
      gates_shape{n.steps, n.lanes, n.batch, n.gates()};
  const Tensor x = in.x.contiguous(), h0 = in.h0.contiguous();
  kernels::LstmOutputs out{Tensor::empty(y_shape, dtype), {}, in.c0.clone(), {}, {}};
  if (keep) {
    out.gates = Tensor::empty(gates_shape, dtype);
    out.cells = Tensor::empty(y_shape, dtype);
  }
  const std::int64_t step_size = n.rows() * n.units;
  if (n.steps > 0 && step_size > 0) {
    const Packed<T> packed(in, n);
    each_task(n, [&](std::int64_t lane, std::int64_t first, std::int64_t rows) {
      const std::int64_t row = lane * n.batch + first, at = row * n.units;
      T *y = out.y.data<T>() + at, *cell = out.c.data<T>() + at;
      for (std::int64_t t = 0; t < n.steps; ++t) {
        const T* before = keep && t > 0 ? out.cells.data<T>() + (t - 1) * step_size + at : cell;
        T* after = keep ? out.cells.data<T>() + t * step_size + at : cell;
        lstm_kernels<T>().step({rows, n.inputs, n.units,
                                x.data<T>() + (t * n.rows() + row) * n.inputs,
                                t > 0 ? y + (t - 1) * step_size : h0.data<T>() + at, before,
                                packed.weights(lane), packed.bias(lane), y + t * step_size, after,
                                keep ? out.gates.data<T>() + 4 * (t * step_size + at) : nullptr});
      }
      if (keep)
        std::copy_n(out.cells.data<T>() + (n.steps - 1) * step_size + at, rows * n.units, cell);
    });
  }
  out.h = n.steps > 0 ? out.y.select(0, n.steps - 1).clone() : h0.clone();
  return out;
}

// --- backward

// [steps, lanes, batch, k] as [lanes, steps * batch, k], row-major; a view if there is one lane.
Tensor by_lane(const Tensor& t) {
  const Tensor moved = t.permute({1, 0, 2, 3}).contiguous();
  return moved.reshape({t.size(1), checked_mul(t.size(0), t.size(2)), t.size(3)});
}

// w_hh cut into panels of columns once, since every step multiplies by it.
template <class T>
class Panels {
 public:
  Panels(const Tensor& w_hh, const Sizes& n) : n_(n), width_(gemm_kernel<T>().panel_width) {
    const std::int64_t panels = (n.units + width_ - 1) / width_;
    lane_ = panels * n.gates() * width_;
    memory_ = Tensor::zeros({w_hh.size(0), lane_}, dtype_of<T>);
    for (std::int64_t lane = 0; lane < w_hh.size(0); ++lane)
      for (std::int64_t k = 0; k < n.gates(); ++k)
        for (std::int64_t j = 0; j < n.units; j += width_)
          std::copy_n(w_hh.data<T>() + (lane * n.gates() + k) * n.units + j,
                      std::min(width_, n.units - j),
                      memory_.data<T>() + lane * lane_ + j * n.gates() + k * width_);
  }
  /// h = a w_hh for a [rows, 4H].
  void multiply(const T* a, std::int64_t lane, std::int64_t rows, T* h) const {
    GemmBlock<T> g;
    g.m = rows, g.n = n_.units, g.k = n_.gates();
    g.a = a, g.a_row = n_.gates(), g.a_col = 1;
    g.b = memory_.data<T>() + (memory_.size(0) == 1 ? 0 : lane * lane_);
    g.b_row = width_, g.b_panel = width_ * n_.gates();
    g.c = h, g.c_row = n_.units;
    gemm_kernel<T>().block(g);
  }

 private:
  Sizes n_;
  std::int64_t width_, lane_;
  Tensor memory_;
};

// The pre-activations' cotangents of all steps, and those of h0 and c0.
template <class T>
struct Recurrence {
  const Sizes& n;
  const T *gates, *cells, *c0, *dy;
  const Panels<T>& w_hh;
  T *da, *dh, *dc;  ///< da: all steps; dh and dc: in, of the last h and c; out, of h0 and c0

  void run(std::int64_t lane, std::int64_t first, std::int64_t rows) const {
    const std::int64_t at = (lane * n.batch + first) * n.units, step_size = n.rows() * n.units,
                       size = rows * n.units;
    T *h = dh + at, *c = dc + at;
    for (std::int64_t t = n.steps - 1; t >= 0; --t) {
      const T* seed = dy + t * step_size + at;
      for (std::int64_t i = 0; i < size; ++i) h[i] += seed[i];
      T* a = da + 4 * (t * step_size + at);
      lstm_kernels<T>().cell_grad(gates + 4 * (t * step_size + at),
                                  t > 0 ? cells + (t - 1) * step_size + at : c0 + at,
                                  cells + t * step_size + at, h, c, a, c, rows, n.units);
      w_hh.multiply(a, lane, rows, h);
    }
  }
};

// dw[lane] (+)= a[lane]' b[lane] for a [lanes, rows, m], b [lanes, rows, k], the first `rows` rows
// from `a_from`, `b_from`.
template <class T>
void add_products(const Tensor& a, std::int64_t a_from, const Tensor& b, std::int64_t b_from,
                  std::int64_t rows, const Tensor& dw, GemmStart start) {
  const std::int64_t m = a.size(2), k = b.size(2);
  const ConstMatrix<T> left = matrix(a.data<T>() + a_from * m, rows, m).transposed();
  const ConstMatrix<T> right = matrix(b.data<T>() + b_from * k, rows, k);
  const Matrix<T> to = matrix(dw.data<T>(), m, k);
  if (a.size(0) == 1) return gemm<T>(left, right, to, start);
  const BatchAxis lanes{a.size(0), a.size(1) * m, b.size(1) * k, m * k};
  gemm_batch<T>(std::span(&lanes, 1), left, right, to, start);
}

template <class T>
void input_cotangents(const Sizes& n, const Tensor& da, const Tensor& w_ih, const Tensor& dx) {
  const std::int64_t lane = n.batch * n.gates(),
                     w_lane = w_ih.size(0) == 1 ? 0 : n.gates() * n.inputs;
  const BatchAxis axes[] = {{n.steps, n.lanes * lane, 0, n.rows() * n.inputs},
                            {n.lanes, lane, w_lane, n.batch * n.inputs}};
  gemm_batch<T>(axes, matrix(da.data<T>(), n.batch, n.gates()),
                matrix(w_ih.data<T>(), n.gates(), n.inputs),
                matrix(dx.data<T>(), n.batch, n.inputs));
}

template <class T>
kernels::LstmInputs lstm_grad(const kernels::LstmInputs& in, const kernels::LstmOutputs& out,
                              const kernels::LstmCotangents& ct) {
  const Sizes n(in);
  const DType dtype = dtype_of<T>;
  const Tensor w_ih = distinct(in.w_ih), w_hh = distinct(in.w_hh), x = in.x.contiguous(),
               h0 = in.h0.contiguous();
  const Tensor c0 = in.c0.contiguous(), gates = out.gates.contiguous(),
               cells = out.cells.contiguous();
  const Tensor y = out.y.contiguous(), dy = ct.y.contiguous();
  kernels::LstmInputs grad{Tensor::empty(x.shape(), dtype),
                           ct.h.clone(),
                           ct.c.clone(),
                           Tensor::empty({n.lanes, n.gates(), n.inputs}, dtype),
                           Tensor::empty({n.lanes, n.gates(), n.units}, dtype),
                           Tensor::empty({n.lanes, n.gates()}, dtype)};
  Tensor da = Tensor::empty({n.steps, n.lanes, n.batch, n.gates()}, dtype);
  if (da.numel() > 0) {
    const Panels<T> panels(w_hh, n);
    const Recurrence<T> recurrence{
        n,      gates.data<T>(), cells.data<T>(),   c0.data<T>(),     dy.data<T>(),
        panels, da.data<T>(),    grad.h0.data<T>(), grad.c0.data<T>()};
    each_task(n, [&](auto lane, auto first, auto rows) { recurrence.run(lane, first, rows); });
  }
  const Tensor a = by_lane(da);
  const std::int64_t rows = n.steps * n.batch, later = std::max<std::int64_t>(0, rows - n.batch);
  input_cotangents<T>(n, da, w_ih, grad.x);
  add_products<T>(a, 0, by_lane(x), 0, rows, grad.w_ih, GemmStart::zero);
  add_products<T>(a, rows - later, by_lane(y), 0, later, grad.w_hh,
                  GemmStart::zero);  // h of the step before
  if (rows > 0) add_products<T>(a, 0, h0, 0, n.batch, grad.w_hh, GemmStart::accumulate);
  kernels::sum.find(a.device(), dtype)(a, {1}, grad.bias);
  return grad;
}

}  // namespace

void register_lstm() {
  kernels::lstm.add(DeviceType::cpu, {DType::f32}, &lstm<float>);
  kernels::lstm.add(DeviceType::cpu, {DType::f64}, &lstm<double>);
  kernels::lstm_grad.add(DeviceType::cpu, {DType::f32}, &lstm_grad<float>);
  kernels::lstm_grad.add(DeviceType::cpu, {DType::f64}, &lstm_grad<double>);
}

}  // namespace sonde::cpu
