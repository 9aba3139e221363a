// Pooling against a plain copy of its larger side: the speed relative to a copy says how far it is
// from the memory's limit.
#include <cstring>

#include "bench/bench_main.hpp"
#include "bench/side_by_side.hpp"
#include "tensor/kernels/conv.hpp"

namespace sonde::bench {
namespace {

Tensor image(const Dims& shape) {
  Tensor t = Tensor::empty_ordered(shape, {0, 2, 3, 1}, DType::f32);
  float* p = t.data<float>();
  for (std::int64_t i = 0; i < t.numel(); ++i)
    p[i] = static_cast<float>((i * 2654435761u >> 8) & 1023) / 512 - 1;
  return t;
}

void pool_row(SideBySide& table, const Dims& shape, const PoolAttrs& a) {
  const Tensor x = image(shape), y = kernels::avg_pool2d.find({}, DType::f32)(x, a);
  const Tensor copy = x.clone();
  const auto bytes = static_cast<std::size_t>(x.numel()) * sizeof(float);
  const Size2 size{shape[2], shape[3]};
  table.row(fmt::format("{} window {} stride {}", shape, a.kernel[0], a.stride[0]),
            {{"copy", [&] { std::memcpy(copy.bytes(), x.bytes(), bytes); }},
             {"max", [&] { kernels::max_pool2d.find({}, DType::f32)(x, a); }},
             {"avg", [&] { kernels::avg_pool2d.find({}, DType::f32)(x, a); }},
             {"avg grad", [&] { kernels::avg_pool2d_grad.find({}, DType::f32)(y, size, a); }}});
}

void table_pool() {
  SideBySide table("pooling, f32");
  pool_row(table, {64, 64, 28, 28}, {{2, 2}, {2, 2}});
  pool_row(table, {64, 64, 28, 28}, {{3, 3}, {2, 2}, {1, 1}});
  pool_row(table, {64, 20, 28, 28}, {{2, 2}, {2, 2}});
  pool_row(table, {64, 512, 7, 7}, {{7, 7}, {7, 7}});
}

void max_pool(benchmark::State& state) {
  const Tensor x = image({64, 64, 28, 28});
  const PoolAttrs a{{2, 2}, {2, 2}};
  for (auto _ : state) kernels::max_pool2d.find({}, DType::f32)(x, a);
  state.SetBytesProcessed(state.iterations() * x.numel() * 4);
}
BENCHMARK(max_pool)->UseRealTime();

}  // namespace
}  // namespace sonde::bench

SONDE_BENCH_MAIN(sonde::bench::table_pool)
