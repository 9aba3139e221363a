// Elementwise operations against a copy of as many bytes, and reductions against a copy of their
// input.
#include <cmath>
#include <random>

#include "bench/bench_main.hpp"
#include "tensor/kernels/elementwise.hpp"
#include "tensor/kernels/reduce.hpp"

namespace sonde::bench {
namespace {

Tensor random(const Dims& shape, DType dtype = DType::f32) {
  Tensor t = Tensor::empty(shape);
  std::mt19937 bits(7);
  float* p = t.data<float>();
  for (std::int64_t i = 0; i < t.numel(); ++i) p[i] = static_cast<float>(bits() * 0x1p-30 - 2);
  return t.to(dtype);
}

using Slot = Kernel<kernels::Elementwise>;

// An operation on `arity` inputs of n elements, with its output in place.
struct Case {
  Case(Slot& s, std::int64_t n, int arity, DType dtype = DType::f32)
      : slot(s), out(random({n}, dtype)) {
    for (int i = 0; i < arity; ++i) in.push_back(random({n}, dtype));
  }
  void run() { slot.find({}, in[0].dtype())(in, out, nullptr); }
  std::int64_t bytes() const {
    return static_cast<std::int64_t>(in.size() + 1) * out.numel() * size_of(out.dtype());
  }
  Slot& slot;
  Tensors in;
  Tensor out;
};

// Copies f32, reading and writing `bytes` in all.
struct Copy {
  explicit Copy(std::int64_t bytes) : from(random({bytes / 8})), to(random({bytes / 8})) {}
  void run() { kernels::copy.find({}, DType::f32)(std::span(&from, 1), to, nullptr); }
  Tensor from, to;
};

void compare_with_copy(SideBySide& table, Slot& slot, std::int64_t n, int arity, double bar) {
  Case c(slot, n, arity);
  Copy copy(c.bytes());
  table.row(slot.op(), {{"copy", [&] { copy.run(); }}, {"sonde", [&] { c.run(); }}}, bar);
}

void table_large() {
  SideBySide table("64 MB of f32, against a copy of as many bytes",
                   {.rounds = 15, .sample_seconds = 2e-2});
  const std::int64_t n = std::int64_t{16} << 20;
  for (Slot* s : {&kernels::neg, &kernels::square, &kernels::sqrt, &kernels::relu})
    compare_with_copy(table, *s, n, 1, 0.8);
  for (Slot* s :
       {&kernels::add, &kernels::mul, &kernels::div, &kernels::maximum, &kernels::relu_backward})
    compare_with_copy(table, *s, n, 2, 0.8);
  for (Slot* s : {&kernels::exp, &kernels::log, &kernels::tanh, &kernels::sigmoid, &kernels::gelu,
                  &kernels::silu, &kernels::sin})
    compare_with_copy(table, *s, n, 1, 0);
}

void table_cached() {
  SideBySide table("64 k elements of f32 (in the L2 cache), against a copy of as many bytes");
  for (Slot* s :
       {&kernels::neg, &kernels::exp, &kernels::log, &kernels::tanh, &kernels::sigmoid,
        &kernels::erf, &kernels::gelu, &kernels::gelu_tanh, &kernels::silu, &kernels::sin})
    compare_with_copy(table, *s, 1 << 16, 1, 0);
  for (Slot* s : {&kernels::add, &kernels::gelu_backward, &kernels::silu_backward, &kernels::pow,
                  &kernels::atan2})
    compare_with_copy(table, *s, 1 << 16, 2, 0);
}

void table_scalar_loop() {
  SideBySide table("64 k elements against a loop over the C library, f32");
  Case silu(kernels::silu, 1 << 16, 1), erf(kernels::erf, 1 << 16, 1);
  auto loop = [](Case& c, auto f) {
    const float* x = c.in[0].data<float>();
    float* y = c.out.data<float>();
    for (std::int64_t i = 0; i < c.out.numel(); ++i) y[i] = f(x[i]);
  };
  table.row("silu", {{"loop", [&] { loop(silu, [](float x) { return x / (1 + std::exp(-x)); }); }},
                     {"sonde", [&] { silu.run(); }}});
  table.row("erf", {{"loop", [&] { loop(erf, [](float x) { return std::erf(x); }); }},
                    {"sonde", [&] { erf.run(); }}});
}

void reduce_row(SideBySide& table, Kernel<kernels::Reduce>& slot, const Dims& shape,
                const Dims& axes) {
  const Tensor x = random(shape);
  Copy copy(2 * x.numel() * 4);
  Dims kept = shape;
  for (std::int64_t a : axes) kept[static_cast<int>(a)] = 1;
  Tensor out = Tensor::empty(kept);
  table.row(
      fmt::format("{} {} over {}", slot.op(), shape, axes),
      {{"copy", [&] { copy.run(); }}, {"sonde", [&] { slot.find({}, DType::f32)(x, axes, out); }}});
}

void table_reduce() {
  SideBySide table("reductions, f32, against a copy of the input");
  for (auto* slot : {&kernels::sum, &kernels::amax}) {
    reduce_row(table, *slot, {1 << 24}, {0});
    reduce_row(table, *slot, {1 << 20}, {0});
    reduce_row(table, *slot, {4096, 1024}, {1});
    reduce_row(table, *slot, {4096, 1024}, {0});
    reduce_row(table, *slot, {64, 64, 1024}, {1});
    reduce_row(table, *slot, {64, 64, 28 * 28}, {0, 2});
    reduce_row(table, *slot, {1 << 18, 10}, {1});
    reduce_row(table, *slot, {1 << 18, 10}, {0});
  }
}

void elementwise(benchmark::State& state, Slot* slot, int arity) {
  Case c(*slot, state.range(0), arity);
  for (auto _ : state) c.run();
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK_CAPTURE(elementwise, neg, &kernels::neg, 1)->RangeMultiplier(64)->Range(4, 1 << 24);
BENCHMARK_CAPTURE(elementwise, add, &kernels::add, 2)->RangeMultiplier(64)->Range(4, 1 << 24);
BENCHMARK_CAPTURE(elementwise, exp, &kernels::exp, 1)->RangeMultiplier(64)->Range(4, 1 << 24);
BENCHMARK_CAPTURE(elementwise, gelu, &kernels::gelu, 1)->RangeMultiplier(64)->Range(4, 1 << 24);

}  // namespace
}  // namespace sonde::bench

SONDE_BENCH_MAIN(sonde::bench::table_large, sonde::bench::table_cached,
                 sonde::bench::table_scalar_loop, sonde::bench::table_reduce)
