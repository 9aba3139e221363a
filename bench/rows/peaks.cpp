#include "bench/rows/peaks.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "bench/rows/clock.hpp"
#include "tensor/parallel.hpp"
#include "tensor/tensor.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/rows/peaks.cpp"
#include <hwy/foreach_target.h>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace sonde::bench::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Twelve independent chains: enough for two units of latency 4 to 6. Returns the operations done;
// `sink` keeps the compiler from dropping them.
template <class T>
double Chains(std::int64_t rounds, double* sink) {
  const hn::ScalableTag<T> d;
  const auto a = hn::Set(d, static_cast<T>(0.999)), b = hn::Set(d, static_cast<T>(0.001));
  auto x0 = hn::Iota(d, 0), x1 = hn::Iota(d, 1), x2 = hn::Iota(d, 2), x3 = hn::Iota(d, 3);
  auto x4 = hn::Iota(d, 4), x5 = hn::Iota(d, 5), x6 = hn::Iota(d, 6), x7 = hn::Iota(d, 7);
  auto x8 = hn::Iota(d, 8), x9 = hn::Iota(d, 9), x10 = hn::Iota(d, 10), x11 = hn::Iota(d, 11);
  for (std::int64_t i = 0; i < rounds; ++i) {
    x0 = hn::MulAdd(x0, a, b), x1 = hn::MulAdd(x1, a, b), x2 = hn::MulAdd(x2, a, b);
    x3 = hn::MulAdd(x3, a, b), x4 = hn::MulAdd(x4, a, b), x5 = hn::MulAdd(x5, a, b);
    x6 = hn::MulAdd(x6, a, b), x7 = hn::MulAdd(x7, a, b), x8 = hn::MulAdd(x8, a, b);
    x9 = hn::MulAdd(x9, a, b), x10 = hn::MulAdd(x10, a, b), x11 = hn::MulAdd(x11, a, b);
  }
  const auto low = hn::Add(hn::Add(hn::Add(x0, x1), hn::Add(x2, x3)), hn::Add(x4, x5));
  const auto high = hn::Add(hn::Add(hn::Add(x6, x7), hn::Add(x8, x9)), hn::Add(x10, x11));
  *sink = static_cast<double>(hn::GetLane(hn::Add(low, high)));
  return 2.0 * 12.0 * static_cast<double>(hn::Lanes(d)) * static_cast<double>(rounds);
}

double ChainsF32(std::int64_t rounds, double* sink) {
  return Chains<float>(rounds, sink);
}
double ChainsF64(std::int64_t rounds, double* sink) {
  return Chains<double>(rounds, sink);
}

}  // namespace sonde::bench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sonde::bench {

HWY_EXPORT(ChainsF32);
HWY_EXPORT(ChainsF64);

double fma_rate(DType dtype) {
  const auto chains =
      dtype == DType::f64 ? HWY_DYNAMIC_DISPATCH(ChainsF64) : HWY_DYNAMIC_DISPATCH(ChainsF32);
  constexpr std::int64_t rounds = 200000;  // about half a millisecond
  std::vector<double> sinks(static_cast<std::size_t>(threads()) * 8);
  std::vector<double> work(sinks.size());
  const auto run = [&] {
    parallel_chunks(threads(), [&](std::int64_t i) {
      work[static_cast<std::size_t>(8 * i)] =
          chains(rounds, &sinks[static_cast<std::size_t>(8 * i)]);
    });
  };
  run();  // wakes the threads
  const double start = now();
  run();
  const double seconds = now() - start;
  double total = 0;
  for (const double w : work) total += w;
  return total / seconds;
}

double copy_seconds(std::int64_t bytes) {
  const std::int64_t half = std::max<std::int64_t>(bytes / 2, 1);
  static Tensor from, to;
  if (!from || from.numel() != half) {
    from = Tensor::zeros({half}, DType::u8);
    to = Tensor::zeros({half}, DType::u8);
  }
  const auto run = [&] {
    parallel_for(half, 1 << 18, [&](std::int64_t begin, std::int64_t end) {
      std::memcpy(to.bytes() + begin, from.bytes() + begin, static_cast<std::size_t>(end - begin));
    });
  };
  run();
  const std::int64_t calls = std::clamp<std::int64_t>((1 << 22) / half, 1, 10000);
  const double start = now();
  for (std::int64_t i = 0; i < calls; ++i) run();
  return (now() - start) / static_cast<double>(calls);
}

}  // namespace sonde::bench
#endif
