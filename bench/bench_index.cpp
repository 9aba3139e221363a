// Indexing and sorting: bytes_per_second counts what must be read and written once.
#include <benchmark/benchmark.h>

#include "autograd/ops.hpp"

namespace sonde {
namespace {

Tensor values(const Dims& shape) {
  return normal(random_key(1), shape).tensor();
}

// Rows of an embedding of 30000 x 256, and their gradient; 4096 tokens.
constexpr std::int64_t entries = 30000, width = 256, tokens = 4096;

void embedding_rows(benchmark::State& state) {
  const Var weight = values({entries, width}), index = randint(random_key(2), {tokens}, 0, entries);
  for (auto _ : state) benchmark::DoNotOptimize(embedding(index, weight));
  state.SetBytesProcessed(state.iterations() * tokens * width * 8);
}
BENCHMARK(embedding_rows);

void embedding_gradient(benchmark::State& state) {
  const Var into = values({1000, width}), index = randint(random_key(2), {tokens}, 0, 1000),
            src = values({tokens, width});
  for (auto _ : state) benchmark::DoNotOptimize(index_add(into, 0, index, src));
  state.SetBytesProcessed(state.iterations() * tokens * width * 12);
}
BENCHMARK(embedding_gradient);

// One logit of each row: cross-entropy's gather.
void gather_labels(benchmark::State& state) {
  const Var x = values({tokens, 1000}), index = randint(random_key(2), {tokens, 1}, 0, 1000);
  for (auto _ : state) benchmark::DoNotOptimize(gather(x, 1, index));
  state.SetItemsProcessed(state.iterations() * tokens);
}
BENCHMARK(gather_labels);

void gather_columns(benchmark::State& state) {
  const Var x = values({512, 512}), index = randint(random_key(2), {512, 512}, 0, 512);
  for (auto _ : state) benchmark::DoNotOptimize(gather(x, 0, index));
  state.SetItemsProcessed(state.iterations() * 512 * 512);
}
BENCHMARK(gather_columns);

void sort_rows(benchmark::State& state) {
  const Var x = values({(1 << 20) / state.range(0), state.range(0)});
  for (auto _ : state) benchmark::DoNotOptimize(sort(x).values);
  state.SetItemsProcessed(state.iterations() << 20);
}
BENCHMARK(sort_rows)->Arg(16)->Arg(1024)->Arg(1 << 20);

void topk_rows(benchmark::State& state) {
  const Var x = values({1024, 1024});
  for (auto _ : state) benchmark::DoNotOptimize(topk(x, 5).values);
  state.SetItemsProcessed(state.iterations() << 20);
}
BENCHMARK(topk_rows);

// What an LSTM does with its sequence: 128 steps of [64, 128].
void unstack_and_stack(benchmark::State& state) {
  const Var x = values({128, 64, 128});
  for (auto _ : state) benchmark::DoNotOptimize(stack(unstack(x), 0));
  state.SetBytesProcessed(state.iterations() * x.numel() * 8);
}
BENCHMARK(unstack_and_stack);

}  // namespace
}  // namespace sonde

BENCHMARK_MAIN();
