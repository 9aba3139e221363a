// Sums of squared deviations from the mean, in one sweep over memory: blocks that stay in cache are
// read twice, for their mean and for the deviations from it, and joined (reduce_ops::Moments).
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/deviance.cpp"
#include <hwy/foreach_target.h>

#include <hwy/highway.h>

#include <algorithm>
#include <array>

#include "tensor/cpu/reduce.hpp"
#include "tensor/cpu/register.hpp"
#include "tensor/parallel.hpp"
#include "tensor/reduce_ops.hpp"

// The loops are plain C++ over independent columns, compiled once per target: the compiler makes
// vectors of them.
HWY_BEFORE_NAMESPACE();
namespace sonde::cpu::HWY_NAMESPACE {

using reduce_ops::Moments;

template <class T>
class Deviance {
 public:
  static void Run(const std::byte* in, std::byte* out, std::int64_t outer, std::int64_t reduced,
                  std::int64_t inner) {
    const T* x = reinterpret_cast<const T*>(in);
    T* y = reinterpret_cast<T*>(out);
    if (inner == 1)
      Rows(x, y, outer, reduced);
    else
      Middle(x, y, outer, reduced, inner);
  }

 private:
  static constexpr std::int64_t grain = 1 << 16;    // elements worth 20 us
  static constexpr std::int64_t row_block = 2048;   // elements of a row
  static constexpr std::int64_t width = 256;        // columns of a block
  static constexpr std::int64_t column_block = 64;  // rows of a block
  static constexpr std::int64_t lanes = 32;

  // Adds up f(element) in `lanes` independent sums.
  template <class F>
  static double Sum(const T* HWY_RESTRICT x, std::int64_t n, F f) {
    double sums[lanes] = {};
    std::int64_t i = 0;
    for (; i + lanes <= n; i += lanes)
      for (std::int64_t j = 0; j < lanes; ++j) sums[j] += f(static_cast<double>(x[i + j]));
    for (std::int64_t half = lanes / 2; half > 0; half /= 2)
      for (std::int64_t j = 0; j < half; ++j) sums[j] += sums[j + half];
    for (; i < n; ++i) sums[0] += f(static_cast<double>(x[i]));
    return sums[0];
  }

  HWY_NOINLINE static Moments Row(const T* x, std::int64_t n) {
    Moments all{};
    for (std::int64_t i = 0; i < n; i += row_block) {
      const std::int64_t count = std::min(row_block, n - i);
      const double size = static_cast<double>(count);
      const double mean = Sum(x + i, count, [](double v) HWY_ATTR { return v; }) / size;
      all.join({size, mean,
                Sum(x + i, count, [mean](double v) HWY_ATTR { return (v - mean) * (v - mean); })});
    }
    return all;
  }

  // Many rows: each by itself. Few long ones: each in a number of parts that depends on its length
  // only.
  static void Rows(const T* x, T* y, std::int64_t rows, std::int64_t n) {
    const std::int64_t parts = rows < max_chunks ? chunk_count(n, grain) : 1;
    if (parts == 1) {
      parallel_for(rows, std::max<std::int64_t>(1, grain / std::max<std::int64_t>(n, 1)),
                   [=](std::int64_t begin, std::int64_t end) HWY_ATTR {
                     for (std::int64_t r = begin; r < end; ++r)
                       y[r] = static_cast<T>(Row(x + r * n, n).m2);
                   });
      return;
    }
    std::array<Moments, max_chunks * max_chunks> of_parts;
    parallel_chunks(rows * parts, [&](std::int64_t task) HWY_ATTR {
      const std::int64_t r = task / parts, p = task % parts, begin = chunk_begin(n, parts, p);
      of_parts[static_cast<std::size_t>(task)] =
          Row(x + r * n + begin, chunk_begin(n, parts, p + 1) - begin);
    });
    for (std::int64_t r = 0; r < rows; ++r) {
      Moments all{};
      for (std::int64_t p = 0; p < parts; ++p)
        all.join(of_parts[static_cast<std::size_t>(r * parts + p)]);
      y[r] = static_cast<T>(all.m2);
    }
  }

  // The moments of `columns` <= width columns over `rows` rows, into mean and m2.
  HWY_NOINLINE static void Columns(const T* HWY_RESTRICT x, std::int64_t rows, std::int64_t stride,
                                   std::int64_t columns, double* HWY_RESTRICT mean,
                                   double* HWY_RESTRICT m2) {
    std::fill_n(mean, columns, 0.0);
    std::fill_n(m2, columns, 0.0);
    double block_mean[width], block_m2[width];
    for (std::int64_t first = 0; first < rows; first += column_block, x += column_block * stride) {
      const std::int64_t count = std::min(column_block, rows - first);
      const double n = static_cast<double>(count), before = static_cast<double>(first);
      std::fill_n(block_mean, columns, 0.0);
      std::fill_n(block_m2, columns, 0.0);
      for (std::int64_t r = 0; r < count; ++r)
        for (std::int64_t j = 0; j < columns; ++j)
          block_mean[j] += static_cast<double>(x[r * stride + j]);
      for (std::int64_t j = 0; j < columns; ++j) block_mean[j] /= n;
      for (std::int64_t r = 0; r < count; ++r)
        for (std::int64_t j = 0; j < columns; ++j) {
          const double d = static_cast<double>(x[r * stride + j]) - block_mean[j];
          block_m2[j] += d * d;
        }
      for (std::int64_t j = 0; j < columns; ++j) {
        const double d = block_mean[j] - mean[j];
        m2[j] += block_m2[j] + d * d * before * n / (before + n);
        mean[j] += d * n / (before + n);
      }
    }
  }

  // Blocks of columns, and few outputs in parts of the rows that are joined in order.
  static void Middle(const T* x, T* y, std::int64_t outer, std::int64_t reduced,
                     std::int64_t inner) {
    const std::int64_t blocks = (inner + width - 1) / width, tasks = outer * blocks;
    const std::int64_t parts =
        tasks < max_chunks
            ? chunk_count(reduced, std::max<std::int64_t>(column_block, grain / inner))
            : 1;
    const std::int64_t work = std::max<std::int64_t>(1, reduced * std::min(inner, width) / parts);
    const Tensor room = Tensor::empty({parts > 1 ? tasks * parts * 2 * width : 0}, DType::f64);
    double* moments = room.data<double>();  // of each task and part: means, m2
    parallel_for(tasks * parts, std::max<std::int64_t>(1, grain / work),
                 [=](std::int64_t begin, std::int64_t end) HWY_ATTR {
                   double own[2 * width];
                   for (std::int64_t i = begin; i < end; ++i) {
                     const std::int64_t task = i / parts, p = i % parts;
                     const std::int64_t a = task / blocks, first = task % blocks * width,
                                        columns = std::min(width, inner - first);
                     const std::int64_t from = chunk_begin(reduced, parts, p),
                                        to = chunk_begin(reduced, parts, p + 1);
                     double* to_moments = parts > 1 ? moments + i * 2 * width : own;
                     Columns(x + (a * reduced + from) * inner + first, to - from, inner, columns,
                             to_moments, to_moments + width);
                     for (std::int64_t j = 0; parts == 1 && j < columns; ++j)
                       y[a * inner + first + j] = static_cast<T>(own[width + j]);
                   }
                 });
    for (std::int64_t i = 0; parts > 1 && i < outer * inner; ++i) {
      const std::int64_t a = i / inner, c = i % inner, task = a * blocks + c / width, j = c % width;
      Moments all{};
      for (std::int64_t p = 0; p < parts; ++p) {
        const double* part = moments + (task * parts + p) * 2 * width;
        all.join({static_cast<double>(chunk_begin(reduced, parts, p + 1) -
                                      chunk_begin(reduced, parts, p)),
                  part[j], part[width + j]});
      }
      y[i] = static_cast<T>(all.m2);
    }
  }
};

ReduceMiddle DevianceF32() {
  return &Deviance<float>::Run;
}
ReduceMiddle DevianceF64() {
  return &Deviance<double>::Run;
}

}  // namespace sonde::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sonde::cpu {
namespace {
HWY_EXPORT(DevianceF32);
HWY_EXPORT(DevianceF64);
}  // namespace

void register_deviance() {
  kernels::deviance.add(DeviceType::cpu, {DType::f32},
                        [](const Tensor& in, const Dims& axes, Tensor& out) {
                          static const ReduceMiddle loop = HWY_DYNAMIC_DISPATCH(DevianceF32)();
                          reduce_at_once(loop, in, axes, out);
                        });
  kernels::deviance.add(DeviceType::cpu, {DType::f64},
                        [](const Tensor& in, const Dims& axes, Tensor& out) {
                          static const ReduceMiddle loop = HWY_DYNAMIC_DISPATCH(DevianceF64)();
                          reduce_at_once(loop, in, axes, out);
                        });
}

}  // namespace sonde::cpu
#endif
