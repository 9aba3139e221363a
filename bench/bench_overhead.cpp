// What an operation costs beside its kernel: neg, add and a sum over an axis on 4 elements, eager
// and recorded.
#include <algorithm>
#include <chrono>

#include "autograd/ops.hpp"
#include "autograd/transforms.hpp"
#include "bench/bench_main.hpp"

namespace sonde::bench {
namespace {

constexpr int calls = 1000;

struct Op {
  const char* name;
  Var (*run)(const Var& x, const Var& y);
};
const Op ops[] = {
    {"neg", [](const Var& x, const Var&) { return neg(x); }},
    {"add", [](const Var& x, const Var& y) { return add(x, y); }},
    {"sum over an axis", [](const Var& x, const Var&) { return sum(x, {0}); }},
};

Var four() {
  return Tensor::from<float>({1, 2, 3, 4}, {4});
}

// Nanoseconds per call of a thousand calls.
double round(const Op& op, const Var& x, const Var& y) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < calls; ++i) benchmark::DoNotOptimize(op.run(x, y));
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start)
             .count() /
         calls;
}

double eager(const Op& op) {
  const Var x = four(), y = four();
  double best = 1e30;
  for (int i = 0; i < 9; ++i) best = std::min(best, round(op, x, y));
  return best;
}

// Recorded by a reverse transform, a new one for every round, as in training; its set-up and end
// are not counted.
double recorded(const Op& op) {
  double best = 1e30;
  auto f = [&](const Vars& in) -> Vars {
    best = std::min(best, round(op, in[0], in[1]));
    return {in[0]};
  };
  for (int i = 0; i < 9; ++i) vjp(f, {four(), four()});
  return best;
}

void print_row(const char* op, const char* mode, double ns, double bar) {
  fmt::print("  {:<20}{:<10}{:7.0f} ns   bar {:.0f} {}\n", op, mode, ns, bar,
             ns <= bar ? "reached" : "MISSED");
}

void table_overhead() {
  fmt::print("\none operation on 4 elements, fastest of 9\n");
  for (const Op& op : ops) {
    print_row(op.name, "eager", eager(op), 200);
    print_row(op.name, "recorded", recorded(op), 400);
  }
}

void overhead(benchmark::State& state, const Op& op) {
  const Var x = four(), y = four();
  for (auto _ : state) benchmark::DoNotOptimize(op.run(x, y));
}
BENCHMARK_CAPTURE(overhead, neg, ops[0]);
BENCHMARK_CAPTURE(overhead, add, ops[1]);
BENCHMARK_CAPTURE(overhead, sum, ops[2]);

}  // namespace
}  // namespace sonde::bench

SONDE_BENCH_MAIN(sonde::bench::table_overhead)
