// Row-wise kernels against a copy of the same bytes; attention and LSTM against the same made of
// sgemm and vector passes.
#include <cmath>
#include <cstring>
#include <random>

#include "bench/bench_main.hpp"
#include "tensor/cpu/blas.hpp"
#include "tensor/kernels/attention.hpp"
#include "tensor/kernels/lstm.hpp"
#include "tensor/kernels/softmax_norm.hpp"

namespace sonde::bench {
namespace {

const Device cpu_device{};
constexpr DType f32 = DType::f32;

Tensor random(const Dims& shape) {
  Tensor t = Tensor::empty(shape);
  std::mt19937 bits(7);
  float* p = t.data<float>();
  for (std::int64_t i = 0; i < t.numel(); ++i) p[i] = static_cast<float>(bits() * 0x1p-32 - 0.5);
  return t;
}

// A new tensor with x's bytes: reads and writes what a kernel from one tensor to another must.
void copy(const Tensor& x) {
  const Tensor y = Tensor::empty(x.shape(), x.dtype());
  std::memcpy(y.bytes(), x.bytes(), static_cast<std::size_t>(x.numel() * size_of(x.dtype())));
  benchmark::DoNotOptimize(y.bytes());
}

void table_rows() {
  SideBySide table("rows of 1 MB in all: copy, softmax, log-softmax, its gradient");
  for (std::int64_t size : {4, 10, 16, 64, 256, 1000, 16384}) {
    const Tensor x = random({(1 << 18) / size, size});
    const auto softmax = kernels::softmax.find(cpu_device, f32),
               log_softmax = kernels::log_softmax.find(cpu_device, f32);
    const auto grad = kernels::softmax_grad.find(cpu_device, f32);
    const Tensor y = softmax(x, 1);
    table.row(fmt::format("C={}", size), {{"copy", [&] { copy(x); }},
                                          {"softmax", [&] { softmax(x, 1); }},
                                          {"log", [&] { log_softmax(x, 1); }},
                                          {"grad", [&] { grad(y, x, 1); }}});
  }
}

void table_cross_entropy() {
  SideBySide table("cross-entropy of 1 MB of logits: copy, loss, loss and gradient");
  for (std::int64_t classes : {10, 64, 256, 1024}) {
    const std::int64_t rows = (1 << 18) / classes;
    const Tensor x = random({rows, classes}), ct = Tensor::ones({rows});
    Tensor target = Tensor::arange(rows);
    for (std::int64_t r = 0; r < rows; ++r) target.data<std::int64_t>()[r] %= classes;
    const auto loss = kernels::cross_entropy.find(cpu_device, f32);
    const auto grad = kernels::cross_entropy_grad.find(cpu_device, f32);
    table.row(fmt::format("C={}", classes),
              {{"copy", [&] { copy(x); }},
               {"loss", [&] { loss(x, target, {}); }},
               {"both", [&] { grad(x, target, loss(x, target, {})[1], ct, {}); }}});
  }
}

void table_norm() {
  SideBySide table("normalisation: copy, forward, backward with parameters");
  auto row = [&](const char* name, const Dims& shape) {
    const Tensor x = random(shape), ct = random(shape), w = random({1, shape[3], shape[4]});
    const auto forward = kernels::normalize.find(cpu_device, f32);
    const auto backward = kernels::normalize_grad.find(cpu_device, f32);
    const auto out = forward(x, w, w, {});
    table.row(name, {{"copy", [&] { copy(x); }},
                     {"forward", [&] { forward(x, w, w, {}); }},
                     {"backward", [&] {
                        backward({x, w, out[1], out[2]}, ct, {}, true);
                      }}});
  };
  row("layer norm 2048 x 64", {1, 2048, 1, 1, 64});
  row("layer norm 1024 x 256", {1, 1024, 1, 1, 256});
  row("layer norm 512 x 768", {1, 512, 1, 1, 768});
  row("batch norm 64 x 28 x 28 x 64", {1, 1, 64 * 28 * 28, 64, 1});
  row("group norm 64 x 14 x 14 x 8 x 16", {1, 64, 14 * 14, 8, 16});
}

// --- attention

// Heads of q, k, v [heads, T, d] as a loop over sgemm, with the scores of all heads in memory.
struct Composite {
  std::int64_t heads, time, d;
  float scale;
  const Tensor &q, &k, &v;
  Tensor p{}, o{};

  const float* at(const Tensor& t, std::int64_t head) const {
    return t.data<float>() + head * t.size(1) * t.size(2);
  }
  float* to(const Tensor& t, std::int64_t head) const {
    return t.data<float>() + head * t.size(1) * t.size(2);
  }

  void forward() {
    Tensor s = Tensor::empty({heads, time, time});
    o = Tensor::empty({heads, time, d});
    for (std::int64_t h = 0; h < heads; ++h)
      cpu::blas_gemm(false, true, time, time, d, scale, at(q, h), d, at(k, h), d, 0.0f, to(s, h),
                     time);
    p = kernels::softmax.find(cpu_device, f32)(s, 2);
    for (std::int64_t h = 0; h < heads; ++h)
      cpu::blas_gemm(false, false, time, d, time, 1.0f, at(p, h), time, at(v, h), d, 0.0f, to(o, h),
                     d);
  }
  void backward(const Tensor& ct) const {
    Tensor dp = Tensor::empty({heads, time, time}), dq = Tensor::empty(o.shape()),
           dk = Tensor::empty(o.shape());
    Tensor dv = Tensor::empty(o.shape());
    for (std::int64_t h = 0; h < heads; ++h) {
      cpu::blas_gemm(false, true, time, time, d, 1.0f, at(ct, h), d, at(v, h), d, 0.0f, to(dp, h),
                     time);
      cpu::blas_gemm(true, false, time, d, time, 1.0f, at(p, h), time, at(ct, h), d, 0.0f,
                     to(dv, h), d);
    }
    const Tensor ds = kernels::softmax_grad.find(cpu_device, f32)(p, dp, 2);
    for (std::int64_t h = 0; h < heads; ++h) {
      cpu::blas_gemm(false, false, time, d, time, scale, at(ds, h), time, at(k, h), d, 0.0f,
                     to(dq, h), d);
      cpu::blas_gemm(true, false, time, d, time, scale, at(ds, h), time, at(q, h), d, 0.0f,
                     to(dk, h), d);
    }
  }
};

void table_attention() {
  SideBySide table(
      "attention: three passes with sgemm, fused; forward and backward are the last two",
      {.rounds = 11});
  const std::int64_t shapes[][3] = {
      {256, 17, 32}, {256, 49, 32}, {256, 64, 32}, {64, 256, 64}, {16, 1024, 64}};
  for (const auto& [heads, time, d] : shapes) {
    const Dims shape{heads, time, d};
    const Tensor q = random(shape), k = random(shape), v = random(shape), ct = random(shape);
    const kernels::Attention attributes{1 / std::sqrt(static_cast<double>(d)), false},
        causal{attributes.scale, true};
    Composite composite{heads, time, d, static_cast<float>(attributes.scale), q, k, v};
    const auto forward = kernels::attention.find(cpu_device, f32);
    const auto backward = kernels::attention_grad.find(cpu_device, f32);
    const std::string label = fmt::format("{}x{}x{}", heads, time, d);
    table.row(label, {{"composite", [&] { composite.forward(); }},
                      {"causal", [&] { forward(q, k, v, {}, causal); }},
                      {"fused", [&] { forward(q, k, v, {}, attributes); }}});
    table.row(label + " both", {{"composite",
                                 [&] {
                                   composite.forward();
                                   composite.backward(ct);
                                 }},
                                {"fused", [&] {
                                   const Tensor o = forward(q, k, v, {}, attributes);
                                   backward({q, k, v, {}, o}, ct, attributes, false);
                                 }}});
  }
}

// --- LSTM

// One sgemm for all inputs, then per step one sgemm and the vector pass over the gates; and the way
// back.
struct StepByStep {
  const kernels::LstmInputs& in;
  std::int64_t steps = in.x.size(0), batch = in.x.size(2), inputs = in.x.size(3),
               units = in.h0.size(2), gates = 4 * units;
  std::vector<std::array<Tensor, 3>> cells{};  // h, c', gates of each step

  void forward() {
    Tensor a = Tensor::empty({steps, batch, gates});
    for (std::int64_t r = 0; r < steps * batch; ++r)
      std::copy_n(in.bias.data<float>(), gates, a.data<float>() + r * gates);
    cpu::blas_gemm(false, true, steps * batch, gates, inputs, 1.0f, in.x.data<float>(), inputs,
                   in.w_ih.data<float>(), inputs, 1.0f, a.data<float>(), gates);
    cells.clear();
    for (std::int64_t t = 0; t < steps; ++t) {
      const Tensor step = a.select(0, t), h = t > 0 ? cells.back()[0] : in.h0.select(0, 0);
      cpu::blas_gemm(false, true, batch, gates, units, 1.0f, h.data<float>(), units,
                     in.w_hh.data<float>(), units, 1.0f, step.data<float>(), gates);
      const Tensor c = t > 0 ? cells.back()[1] : in.c0.select(0, 0);
      cells.push_back(kernels::lstm_cell.find(cpu_device, f32)(step, c));
    }
  }
  void backward(const Tensor& dy) const {
    Tensor da = Tensor::empty({steps, batch, gates}), dh = Tensor::zeros({batch, units}),
           dc = Tensor::zeros({batch, units});
    for (std::int64_t t = steps - 1; t >= 0; --t) {
      const float* seed = dy.data<float>() + t * batch * units;
      for (std::int64_t i = 0; i < batch * units; ++i) dh.data<float>()[i] += seed[i];
      const Tensor before = t > 0 ? cells[static_cast<std::size_t>(t - 1)][1] : in.c0.select(0, 0);
      const auto& cell = cells[static_cast<std::size_t>(t)];
      const auto out =
          kernels::lstm_cell_grad.find(cpu_device, f32)({cell[2], before, cell[1]}, dh, dc);
      dc = out[1];
      std::memcpy(da.select(0, t).data<float>(), out[0].data<float>(),
                  static_cast<std::size_t>(batch * gates) * sizeof(float));
      cpu::blas_gemm(false, false, batch, units, gates, 1.0f, out[0].data<float>(), gates,
                     in.w_hh.data<float>(), units, 0.0f, dh.data<float>(), units);
    }
    Tensor dx = Tensor::empty(in.x.shape()), dw_ih = Tensor::empty({gates, inputs}),
           dw_hh = Tensor::empty({gates, units});
    cpu::blas_gemm(false, false, steps * batch, inputs, gates, 1.0f, da.data<float>(), gates,
                   in.w_ih.data<float>(), inputs, 0.0f, dx.data<float>(), inputs);
    cpu::blas_gemm(true, false, gates, inputs, steps * batch, 1.0f, da.data<float>(), gates,
                   in.x.data<float>(), inputs, 0.0f, dw_ih.data<float>(), inputs);
    for (std::int64_t t = 0; t < steps; ++t) {
      const Tensor h = t > 0 ? cells[static_cast<std::size_t>(t - 1)][0] : in.h0.select(0, 0);
      cpu::blas_gemm(true, false, gates, units, batch, 1.0f, da.select(0, t).data<float>(), gates,
                     h.data<float>(), units, t > 0 ? 1.0f : 0.0f, dw_hh.data<float>(), units);
    }
  }
};

void table_lstm() {
  SideBySide table("LSTM, B = 64: sgemm per step, fused", {.rounds = 7});
  const std::int64_t shapes[][3] = {{28, 128, 128}, {128, 128, 128}, {28, 256, 256}};
  for (const auto& [steps, inputs, units] : shapes) {
    constexpr std::int64_t batch = 64;
    const kernels::LstmInputs in{random({steps, 1, batch, inputs}), random({1, batch, units}),
                                 random({1, batch, units}),         random({1, 4 * units, inputs}),
                                 random({1, 4 * units, units}),     random({1, 4 * units})};
    const Tensor dy = random({steps, 1, batch, units}), none = Tensor::zeros({1, batch, units});
    StepByStep composite{in};
    const auto forward = kernels::lstm.find(cpu_device, f32);
    const auto backward = kernels::lstm_grad.find(cpu_device, f32);
    const std::string label = fmt::format("T={} I={} H={}", steps, inputs, units);
    table.row(label,
              {{"sgemm", [&] { composite.forward(); }}, {"fused", [&] { forward(in, true); }}});
    table.row(label + " both", {{"sgemm",
                                 [&] {
                                   composite.forward();
                                   composite.backward(dy);
                                 }},
                                {"fused", [&] {
                                   backward(in, forward(in, true), {dy, none, none});
                                 }}});
  }
}

}  // namespace
}  // namespace sonde::bench

SONDE_BENCH_MAIN(sonde::bench::table_rows, sonde::bench::table_cross_entropy,
                 sonde::bench::table_norm, sonde::bench::table_attention, sonde::bench::table_lstm)
