// Normalisation where each statistic belongs to one contiguous row: layer and RMS norm. Bound by
// memory: one read of each operand and one write, while a row fits into registers.
#include "tensor/cuda/normalize.hpp"
#include "tensor/cuda/rows.hpp"

namespace sonde::cuda {
namespace {

/// Row r belongs to lane r / (outer groups) and to group r % groups: where its parameters begin.
struct ParameterRow {
  std::int64_t rows_of_lane, groups, size;
  explicit ParameterRow(const NormalizeSizes& s)
      : rows_of_lane(s.outer * s.groups), groups(s.groups), size(s.inner) {}

  template <class T>
  __device__ const T* of(const T* parameter, std::int64_t lane_step, std::int64_t row) const {
    if (!parameter) return nullptr;
    const std::int64_t lane = lane_step == 0 ? 0 : row / rows_of_lane * lane_step;
    return parameter + lane + (groups == 1 ? 0 : row % groups * size);
  }
};

// A vector of a row of parameters, or of `otherwise` where there are none.
template <class T, class Index>
__device__ WidePack<T> parameter_vector(const T* row, Index i, Index size, bool wide, T otherwise) {
  if (row) return load_part(row, i, size, wide);
  WidePack<T> same;
  for (T& v : same.v) v = otherwise;
  return same;
}

template <class Row, class T>
__global__ void forward_kernel(NormalizeForwardArgs<T> a, ParameterRow parameters,
                               std::int64_t rows, bool wide) {
  const std::int64_t size = parameters.size;
  const T n = static_cast<T>(size > 0 ? size : 1);
  for_each_team(rows, Row::Team::size, [&](std::int64_t r, bool real) {
    const T* x = a.x + r * size;
    const Row row({{x}, size, wide});
    // Of numbers far from zero, the differences from the first keep their digits.
    const T pivot = a.center && size > 0 ? x[0] : T(0);
    const T mean = a.center ? pivot + row.sum([pivot](auto, T v) { return v - pivot; }) / n : T(0);
    const T squares = row.sum([mean](auto, T v) { return (v - mean) * (v - mean); });
    const T rstd = T(1) / sqrt(squares / n + static_cast<T>(a.eps));
    if (!real) return;
    const T *weight = parameters.of(a.weight, a.weight_lane, r),
            *bias = parameters.of(a.bias, a.bias_lane, r);
    row.vectors([&](auto i, const WidePack<T>& v) {
      const auto w = parameter_vector(weight, i, row.size(), wide, T(1));
      const auto b = parameter_vector(bias, i, row.size(), wide, T(0));
      WidePack<T> y;
#pragma unroll
      for (int j = 0; j < widest<T>; ++j) y.v[j] = (v.v[j] - mean) * rstd * w.v[j] + b.v[j];
      store_part(y, a.y + r * size, i, row.size(), wide);
    });
    if (Row::Team::rank() != 0) return;
    a.mean[r] = mean;
    a.rstd[r] = rstd;
  });
}

template <class T>
struct SeedSums {
  T seed, dot;
  __device__ SeedSums operator+(const SeedSums& b) const { return {seed + b.seed, dot + b.dot}; }
};

// dx = rstd (g - <g> - xhat <g xhat>), g = ct weight.
template <class Row, class T>
__global__ void backward_kernel(NormalizeBackwardArgs<T> a, ParameterRow parameters,
                                std::int64_t rows, bool wide) {
  const std::int64_t size = parameters.size;
  const T n = static_cast<T>(size);
  for_each_team(rows, Row::Team::size, [&](std::int64_t r, bool real) {
    const Row row({{a.x + r * size, a.ct + r * size}, size, wide});
    const T mean = a.mean ? a.mean[r] : T(0), rstd = a.rstd[r], scale = a.mean ? rstd : T(1);
    const T* weight = parameters.of(a.weight, a.weight_lane, r);
    SeedSums<T> sums{0, 0};
    row.vectors([&](auto i, const WidePack<T>& x, const WidePack<T>& ct) {
      const auto w = parameter_vector(weight, i, row.size(), wide, T(1));
      SeedSums<T> part{0, 0};
#pragma unroll
      for (int j = 0; j < widest<T>; ++j) {
        const T g = ct.v[j] * w.v[j];  // 0 behind the end
        part = part + SeedSums<T>{g, g * ((x.v[j] - mean) * scale)};
      }
      sums = sums + part;
    });
    sums = Row::Team::reduce(sums, Plus());
    if (!real) return;
    const T seed = a.center ? sums.seed / n : T(0), dot = sums.dot / n;
    row.vectors([&](auto i, const WidePack<T>& x, const WidePack<T>& ct) {
      const auto w = parameter_vector(weight, i, row.size(), wide, T(1));
      WidePack<T> dx;
#pragma unroll
      for (int j = 0; j < widest<T>; ++j)
        dx.v[j] = rstd * (ct.v[j] * w.v[j] - seed - (x.v[j] - mean) * scale * dot);
      store_part(dx, a.dx + r * size, i, row.size(), wide);
    });
  });
}

// May rows of all of these be read in packs?
template <class T>
bool all_take_packs(std::initializer_list<const T*> operands, std::int64_t size) {
  for (const T* p : operands)
    if (!takes_packs(p, {size})) return false;
  return true;
}

}  // namespace

template <class T>
void normalize_by_rows(Stream& stream, const NormalizeForwardArgs<T>& a) {
  const NormalizeSizes& s = a.sizes;
  const std::int64_t rows = s.lanes * s.outer * s.groups;
  choose_row<T, 1>(rows, s.inner, [&](auto kind, const Grid& grid) {
    using Row = typename decltype(kind)::type;
    launch("normalize", stream, grid, &forward_kernel<Row, T>, a, ParameterRow(s), rows,
           all_take_packs<T>({a.x, a.weight, a.bias, a.y}, s.inner));
  });
}

template <class T>
void normalize_grad_by_rows(Stream& stream, const NormalizeBackwardArgs<T>& a) {
  const NormalizeSizes& s = a.sizes;
  const std::int64_t rows = s.lanes * s.outer * s.groups;
  choose_row<T, 2>(rows, s.inner, [&](auto kind, const Grid& grid) {
    using Row = typename decltype(kind)::type;
    launch("normalize_grad", stream, grid, &backward_kernel<Row, T>, a, ParameterRow(s), rows,
           all_take_packs<T>({a.x, a.weight, a.ct, a.dx}, s.inner));
  });
  if (a.dweight) sum_parameters(stream, a, sum_columns(stream, a, true));
}

template void normalize_by_rows(Stream&, const NormalizeForwardArgs<float>&);
template void normalize_by_rows(Stream&, const NormalizeForwardArgs<double>&);
template void normalize_grad_by_rows(Stream&, const NormalizeBackwardArgs<float>&);
template void normalize_grad_by_rows(Stream&, const NormalizeBackwardArgs<double>&);

}  // namespace sonde::cuda
