// Matrix products against OpenBLAS called directly, and transposing copies against plain ones.
#include <random>
#include <vector>

#include "bench/bench_main.hpp"
#include "tensor/cpu/blas.hpp"
#include "tensor/cpu/gemm.hpp"
#include "tensor/tensor.hpp"

namespace sonde::bench {
namespace {

template <class T>
Tensor random(const Dims& shape) {
  Tensor t = Tensor::empty(shape, dtype_of<T>);
  std::mt19937 bits(7);
  T* p = t.data<T>();
  for (std::int64_t i = 0; i < t.numel(); ++i) p[i] = static_cast<T>(bits() * 0x1p-32 - 0.5);
  return t;
}

// A batch of products op(A) op(B), stored row-major, as Sonde and as a loop over BLAS.
template <class T>
struct Case {
  Case(std::int64_t batch_, std::int64_t m_, std::int64_t n_, std::int64_t k_, bool ta_, bool tb_)
      : batch(batch_),
        m(m_),
        n(n_),
        k(k_),
        ta(ta_),
        tb(tb_),
        a(random<T>({batch, m * k})),
        b(random<T>({batch, k * n})),
        c(random<T>({batch, m * n})) {}

  void sonde() const {
    const auto am =
        ta ? cpu::matrix(a.data<T>(), k, m).transposed() : cpu::matrix(a.data<T>(), m, k);
    const auto bm =
        tb ? cpu::matrix(b.data<T>(), n, k).transposed() : cpu::matrix(b.data<T>(), k, n);
    const cpu::BatchAxis axis{batch, m * k, k * n, m * n};
    cpu::gemm_batch<T>(std::span(&axis, 1), am, bm, cpu::matrix(c.data<T>(), m, n));
  }
  void blas() const {
    for (std::int64_t i = 0; i < batch; ++i)
      cpu::blas_gemm(ta, tb, m, n, k, T{1}, a.data<T>() + i * m * k, ta ? m : k,
                     b.data<T>() + i * k * n, tb ? k : n, T{0}, c.data<T>() + i * m * n, n);
  }
  std::vector<Candidate> candidates() const {
    return {{"cblas", [this] { blas(); }}, {"sonde", [this] { sonde(); }}};
  }
  double flops() const { return 2.0 * static_cast<double>(batch * m * n * k); }

  std::int64_t batch, m, n, k;
  bool ta, tb;
  Tensor a, b, c;
};

template <class T>
void square_rows(SideBySide& table, double small_bar, double large_bar) {
  for (std::int64_t n : {16, 32, 64, 128, 256, 512, 1024, 2048}) {
    const Case<T> c(1, n, n, n, false, false);
    table.row(fmt::format("n={}", n), c.candidates(),
              n < 64     ? 0
              : n <= 256 ? small_bar
                         : large_bar);
  }
}

void table_square() {
  SideBySide f32("square products, f32");
  square_rows<float>(f32, 1.0, 0.95);
  SideBySide f64("square products, f64");
  square_rows<double>(f64, 0, 0);
}

void table_transposed() {
  SideBySide table("one transposed operand, f32");
  for (std::int64_t n : {64, 256, 512})
    for (bool ta : {false, true}) {
      const Case<float> c(1, n, n, n, ta, !ta);
      table.row(fmt::format("n={} {}", n, ta ? "TN" : "NT"), c.candidates());
    }
}

void table_batched() {
  SideBySide table("batch of 256 products, f32: Q K' and P V of attention");
  for (std::int64_t d : {16, 32})
    for (std::int64_t t : {17, 32, 49, 64}) {
      const Case<float> scores(256, t, t, d, false, true), values(256, t, d, t, false, false);
      table.row(fmt::format("NT T={} d={}", t, d), scores.candidates(), 1.2);
      table.row(fmt::format("NN T={} d={}", t, d), values.candidates());
    }
}

void table_thin() {
  SideBySide table("thin products, f32");
  for (auto [m, n, k] : {std::tuple{1, 1024, 1024},
                         {1024, 1, 1024},
                         {64, 10, 256},
                         {64, 256, 784},
                         {4096, 10, 64}}) {
    for (bool tb : {false, true}) {
      const Case<float> c(1, m, n, k, false, tb);
      table.row(fmt::format("{}x{}x{} {}", m, n, k, tb ? "NT" : "NN"), c.candidates());
    }
  }
}

void table_transpose() {
  SideBySide table("contiguous() of a transposed matrix against a plain copy, f32");
  for (std::int64_t n : {64, 512, 2048}) {
    const Tensor x = random<float>({n, n}), y = x.transpose(0, 1);
    table.row(fmt::format("n={}", n),
              {{"clone", [&] { x.clone(); }}, {"transposed", [&] { y.contiguous(); }}});
  }
}

void square(benchmark::State& state) {
  const std::int64_t n = state.range(0);
  const Case<float> c(1, n, n, n, false, false);
  for (auto _ : state) c.sonde();
  state.counters["flops"] =
      benchmark::Counter(c.flops(), benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(square)->RangeMultiplier(2)->Range(16, 2048);

void batched_nt(benchmark::State& state) {
  const Case<float> c(256, state.range(0), state.range(0), state.range(1), false, true);
  for (auto _ : state) c.sonde();
  state.counters["flops"] =
      benchmark::Counter(c.flops(), benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(batched_nt)->ArgsProduct({{17, 32, 49, 64}, {16, 32}});

}  // namespace
}  // namespace sonde::bench

SONDE_BENCH_MAIN(sonde::bench::table_square, sonde::bench::table_transposed,
                 sonde::bench::table_batched, sonde::bench::table_thin,
                 sonde::bench::table_transpose)
