// Random numbers: nanoseconds per element of one draw of a million (items_per_second is elements).
#include <benchmark/benchmark.h>

#include "tensor/kernels/random.hpp"
#include "tensor/random.hpp"

namespace sonde {
namespace {

constexpr std::int64_t count = 1 << 20;

void draw(benchmark::State& state, Kernel<kernels::Random>* kernel, DType dtype,
          kernels::RandomParams params) {
  const Tensor keys = random_key(1).unsqueeze(0);
  Tensor out = Tensor::zeros({1, count}, dtype);
  const auto fn = kernel->find({}, dtype);
  for (auto _ : state) fn(keys, params, out);
  state.SetItemsProcessed(state.iterations() * count);
}

BENCHMARK_CAPTURE(draw, uniform_f32, &kernels::random_uniform, DType::f32,
                  kernels::RandomParams{0, 1});
BENCHMARK_CAPTURE(draw, uniform_f64, &kernels::random_uniform, DType::f64,
                  kernels::RandomParams{0, 1});
BENCHMARK_CAPTURE(draw, normal_f32, &kernels::random_normal, DType::f32,
                  kernels::RandomParams{0, 1});
BENCHMARK_CAPTURE(draw, normal_f64, &kernels::random_normal, DType::f64,
                  kernels::RandomParams{0, 1});
BENCHMARK_CAPTURE(draw, truncated_normal_f32, &kernels::random_truncated_normal, DType::f32,
                  kernels::RandomParams{0, 1, -2, 2});
BENCHMARK_CAPTURE(draw, bernoulli_bool, &kernels::random_bernoulli, DType::boolean,
                  kernels::RandomParams{0.1});

void randint(benchmark::State& state) {
  const Tensor keys = random_key(1).unsqueeze(0);
  Tensor out = Tensor::zeros({1, count}, DType::i64);
  const auto fn = kernels::random_integers.find({}, DType::i64);
  for (auto _ : state) fn(keys, 0, 1000, out);
  state.SetItemsProcessed(state.iterations() * count);
}
BENCHMARK(randint);

void permutation(benchmark::State& state) {
  const Tensor keys = random_key(1).unsqueeze(0);
  Tensor out = Tensor::zeros({1, 60000}, DType::i64);
  const auto fn = kernels::random_permutation.find({}, DType::i64);
  for (auto _ : state) fn(keys, out);
  state.SetItemsProcessed(state.iterations() * 60000);
}
BENCHMARK(permutation);

}  // namespace
}  // namespace sonde

BENCHMARK_MAIN();
