// Normalisation where each statistic belongs to columns of a matrix [middle, groups * inner]: batch
// norm and group norm of channels-last images. Every pass walks the rows, so memory is read in
// order. A unit of work is a part of one matrix; the number of parts depends on the sizes alone,
// and what parts have summed is added in their order.
#include <algorithm>
#include <cmath>

#include "tensor/cpu/normalize.hpp"
#include "tensor/cpu/rows.hpp"
#include "tensor/parallel.hpp"
#include "tensor/reduce_ops.hpp"

namespace sonde::cpu {
namespace {

using reduce_ops::Moments;

// How the work is cut: unit u is part u % parts of matrix u / parts.
struct Units {
  NormalizeSizes sizes;
  std::int64_t parts;

  explicit Units(const NormalizeSizes& s) : sizes(s) {
    const std::int64_t wanted = max_chunks / std::max<std::int64_t>(s.lanes * s.outer, 1);
    parts = std::clamp<std::int64_t>(wanted, 1, chunk_count(s.middle, row_grain(s.width())));
  }
  std::int64_t count() const { return sizes.lanes * sizes.outer * parts; }
  std::int64_t first(std::int64_t part) const { return chunk_begin(sizes.middle, parts, part); }

  /// Calls f(unit, matrix, first row, number of rows) for all units, in parallel.
  template <class F>
  void each(F f) const {
    const std::int64_t elements = sizes.middle / parts * sizes.width();
    parallel_for(count(), row_grain(elements), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t u = begin; u < end; ++u)
        f(u, u / parts, first(u % parts), first(u % parts + 1) - first(u % parts));
    });
  }
};

// The six vectors of a pass, in one block of memory.
template <class T>
struct PassMemory {
  Tensor memory;
  ColumnPass<T> pass;
  explicit PassMemory(std::int64_t width)
      : memory(Tensor::zeros({6, width}, dtype_of<T>)), pass{width, at(0), at(1), at(2),
                                                             at(3), at(4), at(5)} {}

 private:
  T* at(std::int64_t i) { return memory.data<T>() + i * memory.size(1); }
};

// v[group, inner] = f(group, index)
template <class T, class F>
void fill(T* v, const NormalizeSizes& s, F f) {
  for (std::int64_t g = 0; g < s.groups; ++g)
    for (std::int64_t c = 0; c < s.inner; ++c)
      v[g * s.inner + c] = static_cast<T>(f(g, g * s.inner + c));
}

template <class T>
double group_total(const T* v, const NormalizeSizes& s, std::int64_t group) {
  double sum = 0;
  for (std::int64_t c = 0; c < s.inner; ++c) sum += static_cast<double>(v[group * s.inner + c]);
  return sum;
}

// Rows whose sums are taken in the element type before they are added in double; a block stays in
// the cache.
std::int64_t block_rows(std::int64_t width, std::int64_t element_size) {
  return std::clamp<std::int64_t>((1 << 15) / (width * element_size + 1), 8, 256);
}

// Moments of every group over `rows` rows, block by block: mean first, then the squared deviations
// from it.
template <class T>
void measure(const NormalizeForwardArgs<T>& a, PassMemory<T>& work, const T* x, std::int64_t rows,
             Moments* moments) {
  using Pass = ColumnPass<T>;
  const NormalizeSizes& s = a.sizes;
  const Pass& pass = work.pass;
  const std::int64_t width = s.width(), block = block_rows(width, sizeof(T));
  for (std::int64_t r = 0; r < rows; r += block) {
    const std::int64_t n = std::min(block, rows - r);
    const double count = static_cast<double>(n * s.inner);
    std::fill_n(pass.shift, width, T(0));
    if (a.center) {
      std::copy_n(x + r * width, width,
                  pass.shift);  // the differences from the first row keep their digits
      std::fill_n(pass.sums, width, T(0));
      pass.run(Pass::sum, x + r * width, nullptr, nullptr, n);
      for (std::int64_t g = 0; g < s.groups; ++g) {
        const double first = group_total(pass.shift, s, g) / static_cast<double>(s.inner);
        std::fill_n(pass.shift + g * s.inner, s.inner,
                    static_cast<T>(first + group_total(pass.sums, s, g) / count));
      }
    }
    std::fill_n(pass.sums, width, T(0));
    pass.run(Pass::squares, x + r * width, nullptr, nullptr, n);
    for (std::int64_t g = 0; g < s.groups; ++g)
      moments[g].join(
          {count, static_cast<double>(pass.shift[g * s.inner]), group_total(pass.sums, s, g)});
  }
}

}  // namespace

template <class T>
void normalize_by_columns(const NormalizeForwardArgs<T>& a) {
  const NormalizeSizes& s = a.sizes;
  const Units units(s);
  const std::int64_t width = s.width();
  std::vector<Moments> moments(static_cast<std::size_t>(units.count() * s.groups));
  units.each([&](std::int64_t u, std::int64_t matrix, std::int64_t first, std::int64_t rows) {
    PassMemory<T> work(width);
    measure(a, work, a.x + (matrix * s.middle + first) * width, rows, &moments[u * s.groups]);
  });
  for (std::int64_t m = 0; m < s.lanes * s.outer; ++m)
    for (std::int64_t g = 0; g < s.groups; ++g) {
      Moments all{};
      for (std::int64_t p = 0; p < units.parts; ++p)
        all.join(moments[(m * units.parts + p) * s.groups + g]);
      a.mean[m * s.groups + g] = static_cast<T>(all.mean);
      a.rstd[m * s.groups + g] =
          static_cast<T>(1 / std::sqrt(all.m2 / std::max(all.n, 1.0) + a.eps));
    }
  units.each([&](std::int64_t, std::int64_t m, std::int64_t first, std::int64_t rows) {
    PassMemory<T> work(width);
    const T *mean = a.mean + m * s.groups, *rstd = a.rstd + m * s.groups;
    const std::int64_t lane = m / s.outer, at = (m * s.middle + first) * width;
    const T* weight = a.weight ? a.weight + lane * a.weight_lane : nullptr;
    const T* bias = a.bias ? a.bias + lane * a.bias_lane : nullptr;
    fill(work.pass.shift, s, [&](std::int64_t g, std::int64_t) { return mean[g]; });
    fill(work.pass.scale, s,
         [&](std::int64_t g, std::int64_t i) { return weight ? rstd[g] * weight[i] : rstd[g]; });
    if (bias) std::copy_n(bias, width, work.pass.bias);
    work.pass.run(ColumnPass<T>::apply, a.x + at, nullptr, a.y + at, rows);
  });
}

namespace {

// xhat = (x - shift) scale of matrix m.
template <class T>
void set_normal(const NormalizeBackwardArgs<T>& a, std::int64_t m, const ColumnPass<T>& pass) {
  const NormalizeSizes& s = a.sizes;
  fill(pass.shift, s,
       [&](std::int64_t g, std::int64_t) { return a.mean ? a.mean[m * s.groups + g] : T(0); });
  fill(pass.scale, s,
       [&](std::int64_t g, std::int64_t) { return a.mean ? a.rstd[m * s.groups + g] : T(1); });
}

// Adds sum(ct) and sum(ct xhat) of each column over the rows, blocks in double: seeds[width], then
// dots[width].
template <class T>
void sum_cotangents(const PassMemory<T>& work, const T* x, const T* ct, std::int64_t rows,
                    double* sums) {
  const ColumnPass<T>& pass = work.pass;
  const std::int64_t width = pass.width, block = block_rows(width, sizeof(T));
  for (std::int64_t r = 0; r < rows; r += block) {
    std::fill_n(pass.sums, width, T(0));
    std::fill_n(pass.dots, width, T(0));
    pass.run(ColumnPass<T>::reduce, x + r * width, ct + r * width, nullptr,
             std::min(block, rows - r));
    for (std::int64_t i = 0; i < width; ++i) {
      sums[i] += static_cast<double>(pass.sums[i]);
      sums[width + i] += static_cast<double>(pass.dots[i]);
    }
  }
}

// The sums of a matrix from those of its parts, in part 0's place; parameters' gradients from them.
template <class T>
void add_parts(const NormalizeBackwardArgs<T>& a, const Units& units, std::int64_t m,
               double* sums) {
  const std::int64_t width = a.sizes.width(), lane = m / a.sizes.outer;
  double* own = sums + m * units.parts * 2 * width;
  for (std::int64_t p = 1; p < units.parts; ++p)
    for (std::int64_t i = 0; i < 2 * width; ++i) own[i] += own[p * 2 * width + i];
  if (!a.dweight) return;
  for (std::int64_t i = 0; i < width; ++i) {
    a.dbias[lane * width + i] += static_cast<T>(own[i]);
    a.dweight[lane * width + i] += static_cast<T>(own[width + i]);
  }
}

}  // namespace

template <class T>
void normalize_grad_by_columns(const NormalizeBackwardArgs<T>& a) {
  const NormalizeSizes& s = a.sizes;
  const Units units(s);
  const std::int64_t width = s.width();
  Tensor memory = Tensor::zeros({units.count(), 2, width}, DType::f64);
  double* sums = memory.data<double>();
  units.each([&](std::int64_t u, std::int64_t m, std::int64_t first, std::int64_t rows) {
    PassMemory<T> work(width);
    const std::int64_t at = (m * s.middle + first) * width;
    set_normal(a, m, work.pass);
    sum_cotangents(work, a.x + at, a.ct + at, rows, sums + u * 2 * width);
  });
  for (std::int64_t m = 0; m < s.lanes * s.outer; ++m) add_parts(a, units, m, sums);
  units.each([&](std::int64_t, std::int64_t m, std::int64_t first, std::int64_t rows) {
    PassMemory<T> work(width);
    const ColumnPass<T>& pass = work.pass;
    const double *seeds = sums + m * units.parts * 2 * width, *dots = seeds + width;
    const T* weight = a.weight ? a.weight + m / s.outer * a.weight_lane : nullptr;
    const T* rstd = a.rstd + m * s.groups;
    auto mean_over_group = [&](const double* v, std::int64_t g) {  // <v weight>
      double sum = 0;
      for (std::int64_t i = g * s.inner; i < (g + 1) * s.inner; ++i)
        sum += v[i] * (weight ? static_cast<double>(weight[i]) : 1);
      return sum / static_cast<double>(s.count());
    };
    std::vector<double> seed_mean(s.groups, 0), dot_mean(s.groups);
    for (std::int64_t g = 0; g < s.groups; ++g) {
      if (a.center) seed_mean[g] = mean_over_group(seeds, g);
      dot_mean[g] = mean_over_group(dots, g);
    }
    set_normal(a, m, pass);
    fill(pass.scale, s, [&](std::int64_t g, std::int64_t i) {
      return rstd[g] * dot_mean[g] * static_cast<double>(pass.scale[i]);
    });
    fill(pass.bias, s, [&](std::int64_t g, std::int64_t) { return rstd[g] * seed_mean[g]; });
    fill(pass.seed_scale, s,
         [&](std::int64_t g, std::int64_t i) { return weight ? rstd[g] * weight[i] : rstd[g]; });
    const std::int64_t at = (m * s.middle + first) * width;
    pass.run(ColumnPass<T>::combine, a.x + at, a.ct + at, a.dx + at, rows);
  });
}

template void normalize_by_columns(const NormalizeForwardArgs<float>&);
template void normalize_by_columns(const NormalizeForwardArgs<double>&);
template void normalize_grad_by_columns(const NormalizeBackwardArgs<float>&);
template void normalize_grad_by_columns(const NormalizeBackwardArgs<double>&);

}  // namespace sonde::cpu
