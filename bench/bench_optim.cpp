// Steps of optimisers over 200 parameters of one size each (items are elements), and clipping. The
// argument is the number of elements of a parameter.
#include <cmath>

#include "autograd/ops.hpp"
#include "bench/bench_main.hpp"
#include "optim/adam.hpp"
#include "optim/clip.hpp"
#include "optim/rmsprop.hpp"
#include "optim/sgd.hpp"

namespace sonde::bench {
namespace {

constexpr int parameters = 200;

struct Model {
  explicit Model(std::int64_t n) {
    for (int i = 0; i < parameters; ++i) {
      values.push_back(Tensor::arange(n, DType::f32, -1, 1.0 / static_cast<double>(n)));
      grads.push_back(Tensor::arange(n, DType::f32, 0.5, 1e-3));
    }
  }
  Tensors values;
  Vars grads;
};

template <class Optimizer>
void step(benchmark::State& state, typename Optimizer::Options options) {
  const Model model(state.range(0));
  Optimizer optimizer(model.values, options);
  for (auto _ : state) optimizer.step(model.grads);
  state.SetItemsProcessed(state.iterations() * parameters * state.range(0));
}

void sizes(benchmark::internal::Benchmark* b) {
  b->Arg(100)->Arg(1000)->Arg(10'000)->Arg(50'000)->UseRealTime();
}

void adamw(benchmark::State& state) {
  step<optim::AdamW>(state, {});
}
void adamw_amsgrad(benchmark::State& state) {
  step<optim::AdamW>(state, {.amsgrad = true});
}
void sgd_momentum(benchmark::State& state) {
  step<optim::Sgd>(state, {.momentum = 0.9});
}
void rmsprop(benchmark::State& state) {
  step<optim::RmsProp>(state, {});
}
BENCHMARK(adamw)->Apply(sizes);
BENCHMARK(adamw_amsgrad)->Apply(sizes);
BENCHMARK(sgd_momentum)->Apply(sizes);
BENCHMARK(rmsprop)->Apply(sizes);

void norm(benchmark::State& state) {
  const Model model(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(optim::grad_norm(model.grads));
  state.SetItemsProcessed(state.iterations() * parameters * state.range(0));
}
BENCHMARK(norm)->Apply(sizes);

// The same step with one pass for each operation of the formula and each parameter, as a program
// that had only tensor operations would have to write it.
struct ByOperations {
  explicit ByOperations(const Model& model) : p(model.values) {
    for (const Tensor& t : p) {
      m.push_back(Tensor::zeros(t.shape()));
      v.push_back(Tensor::zeros(t.shape()));
    }
  }
  void step(const Vars& grads) {
    ++t;
    const double fall1 = 1 - std::pow(0.9, t), fall2 = 1 - std::pow(0.999, t);
    for (std::size_t i = 0; i < p.size(); ++i) {
      const Var g = grads[i];
      const Var mean = Var(m[i]) * 0.9 + g * 0.1, spread = Var(v[i]) * 0.999 + g * g * 0.001;
      const Var size = sqrt(spread) / std::sqrt(fall2) + 1e-8;
      p[i].copy_from((Var(p[i]) * (1 - 1e-5) - mean / size * (1e-3 / fall1)).tensor());
      m[i].copy_from(mean.tensor());
      v[i].copy_from(spread.tensor());
    }
  }
  Tensors p, m, v;
  double t = 0;
};

void table_adamw() {
  SideBySide table("AdamW over 200 parameters: operation by operation, and as one pass");
  for (const std::int64_t n : {100, 1000, 10'000, 50'000}) {
    const Model model(n);
    ByOperations operations(model);
    optim::AdamW adamw(model.values);
    table.row(fmt::format("{} elements each", n),
              {{"operations", [&] { operations.step(model.grads); }},
               {"one pass", [&] { adamw.step(model.grads); }}});
  }
}

}  // namespace
}  // namespace sonde::bench

SONDE_BENCH_MAIN(sonde::bench::table_adamw)
