// Sums over the rows of matrices, for the gradients of normalisation: of the cotangents and of
// their products with xhat, for each column. One read of both operands; f32 in blocks of eight,
// blocks in f64.
#include "tensor/cuda/normalize.hpp"
#include "tensor/cuda/reduce.hpp"

namespace sonde::cuda {
namespace {

template <class T, bool by_rows>
__global__ void __launch_bounds__(reduce_threads)
    sum_columns_kernel(NormalizeBackwardArgs<T> a, ColumnSums* sums, ColumnsPlan plan) {
  constexpr int n = 8;
  const ReduceStep& s = plan.step;
  const int columns = plan.columns, rows = reduce_threads / columns;
  const int thread = static_cast<int>(threadIdx.x), row = thread / columns;
  const std::int64_t parts = plan.parts.count, groups = a.sizes.groups;
  const std::int64_t units = (plan.outputs + columns - 1) / columns * parts;
  for (std::int64_t unit = blockIdx.x; unit < units; unit += gridDim.x) {
    const std::int64_t tile = unit / parts, part = unit - tile * parts;
    const std::int64_t output = tile * columns + thread % columns;
    const std::int64_t matrix = output / s.inner, column = output - matrix * s.inner;
    const std::int64_t from = matrix * s.outer_step + column;
    const std::int64_t end = output < plan.outputs ? plan.parts.end(part, s.reduced) : 0;
    // The statistic of a row, or of all rows of the matrix.
    const std::int64_t step = by_rows ? groups : 0;
    const std::int64_t statistic =
        matrix * (by_rows ? s.reduced : 1) * groups + (groups == 1 ? 0 : column / a.sizes.inner);
    ColumnSums total{0, 0};
    for (std::int64_t r = plan.parts.begin(part) + row; r < end; r += n * rows) {
      T ct[n] = {}, dot[n] = {};
#pragma unroll
      for (int e = 0; e < n; ++e) {
        const std::int64_t at = r + e * rows;
        if (at >= end) continue;
        ct[e] = a.ct[from + at * s.reduced_step];
        const T x = a.x[from + at * s.reduced_step];
        const std::int64_t i = statistic + at * step;
        dot[e] = ct[e] * (a.mean ? (x - a.mean[i]) * a.rstd[i] : x);
      }
      total = total + ColumnSums{static_cast<double>(fold<n>(ct, Plus())),
                                 static_cast<double>(fold<n>(dot, Plus()))};
    }
    if (rows > 1) total = reduce_down(total, columns, Plus());
    if (output < plan.outputs && row == 0) sums[output * parts + part] = total;
  }
}

// A few lanes for each parameter: over the matrices of its lane and their parts.
template <class T>
__global__ void sum_parameters_kernel(const ColumnSums* sums, T* dweight, T* dbias,
                                      std::int64_t lanes, std::int64_t matrices, std::int64_t width,
                                      std::int64_t parts, int team) {
  const int rank = static_cast<int>(threadIdx.x) % team;
  for_each_team(lanes * width, team, [&](std::int64_t i, bool real) {
    const std::int64_t lane = i / width, column = i - lane * width;
    ColumnSums total{0, 0};
    for (std::int64_t k = rank; k < matrices * parts; k += team) {
      const std::int64_t matrix = lane * matrices + k / parts;
      total = total + sums[(matrix * width + column) * parts + k % parts];
    }
    total = reduce_lanes(total, team, Plus());
    if (!real || rank != 0) return;
    dbias[i] = static_cast<T>(total.ct);
    dweight[i] = static_cast<T>(total.dot);
  });
}

}  // namespace

template <class T>
ColumnSumsTable sum_columns(Stream& stream, const NormalizeBackwardArgs<T>& a, bool by_rows) {
  const NormalizeSizes& s = a.sizes;
  const std::int64_t width = s.width(), matrices = by_rows ? s.lanes : s.lanes * s.outer;
  const std::int64_t rows = by_rows ? s.outer : s.middle;
  const ColumnsPlan plan({.outer = matrices,
                          .reduced = rows,
                          .inner = width,
                          .outer_step = rows * width,
                          .reduced_step = width,
                          .inner_step = 1});
  const std::int64_t parts = plan.parts.count;
  const Tensor memory = Tensor::empty({matrices, width, parts, 2}, DType::f64, device_of(stream));
  launch("normalize_grad", stream, plan.grid(),
         by_rows ? &sum_columns_kernel<T, true> : &sum_columns_kernel<T, false>, a,
         pointer<ColumnSums>(stream, memory), plan);
  return {memory, matrices, parts};
}

template <class T>
void sum_parameters(Stream& stream, const NormalizeBackwardArgs<T>& a,
                    const ColumnSumsTable& sums) {
  const NormalizeSizes& s = a.sizes;
  const std::int64_t matrices = sums.matrices / s.lanes;
  const int team = lanes_for(matrices * sums.parts);
  launch("normalize_grad", stream, grid_over(s.lanes * s.width() * team), &sum_parameters_kernel<T>,
         pointer<const ColumnSums>(stream, sums.memory), a.dweight, a.dbias, s.lanes, matrices,
         s.width(), sums.parts, team);
}

template ColumnSumsTable sum_columns(Stream&, const NormalizeBackwardArgs<float>&, bool);
template ColumnSumsTable sum_columns(Stream&, const NormalizeBackwardArgs<double>&, bool);
template void sum_parameters(Stream&, const NormalizeBackwardArgs<float>&, const ColumnSumsTable&);
template void sum_parameters(Stream&, const NormalizeBackwardArgs<double>&, const ColumnSumsTable&);

}  // namespace sonde::cuda
