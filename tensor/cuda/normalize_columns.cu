// Normalisation where each statistic belongs to columns of a matrix [middle, groups * inner]: batch
// norm and group norm of channels-last images. The statistics are one reduction along columns, the
// results one pass over the rows with a few numbers per column: memory is read twice and written
// once.
#include "tensor/cuda/deviance.hpp"
#include "tensor/cuda/normalize.hpp"

namespace sonde::cuda {
namespace {

/// Blocks of `columns` vectors beside each other and `chunk` rows.
struct MapPlan {
  std::int64_t matrices, rows, width, tiles, chunk, chunks;
  int columns;
  bool wide;

  template <class T>
  static MapPlan of(const NormalizeSizes& s, std::initializer_list<const T*> operands) {
    constexpr std::int64_t rows_of_thread = 16;  // share the numbers of its columns
    MapPlan p{};
    p.matrices = s.lanes * s.outer;
    p.rows = s.middle;
    p.width = s.width();
    const std::int64_t vectors = (p.width + widest<T> - 1) / widest<T>;
    p.columns = 1;
    while (p.columns < vectors && p.columns < warp_lanes) p.columns *= 2;
    p.tiles = (vectors + p.columns - 1) / p.columns;
    p.chunk = rows_of_thread * (reduce_threads / p.columns);
    p.chunks = (p.rows + p.chunk - 1) / p.chunk;
    p.wide = true;
    for (const T* t : operands) p.wide = p.wide && takes_packs(t, {p.width});
    return p;
  }
  Grid grid() const {
    return grid_over(matrices * tiles * chunks * reduce_threads, reduce_threads);
  }
};

// out = op(numbers of the column, x, ct)
template <class T, class Op>
__global__ void __launch_bounds__(reduce_threads)
    map_columns(const T* x, const T* ct, T* out, MapPlan p, Op op) {
  constexpr int at_once = 4;
  const int slots = reduce_threads / p.columns, thread = static_cast<int>(threadIdx.x);
  const std::int64_t units = p.matrices * p.tiles * p.chunks;
  for (std::int64_t unit = blockIdx.x; unit < units; unit += gridDim.x) {
    const std::int64_t block = unit / p.chunks, begin = (unit - block * p.chunks) * p.chunk;
    const std::int64_t matrix = block / p.tiles, tile = block - matrix * p.tiles;
    const std::int64_t column = (tile * p.columns + thread % p.columns) * widest<T>;
    const std::int64_t end = begin + p.chunk < p.rows ? begin + p.chunk : p.rows;
    if (column >= p.width) continue;
    typename Op::Numbers numbers[widest<T>];
#pragma unroll
    for (int j = 0; j < widest<T>; ++j)
      numbers[j] = op.numbers(matrix, column + j < p.width ? column + j : column);
    const std::int64_t first = matrix * p.rows * p.width;
    for (std::int64_t r = begin + thread / p.columns; r < end; r += at_once * slots) {
      WidePack<T> v[at_once], c[at_once];
#pragma unroll
      for (int k = 0; k < at_once; ++k) {
        const std::int64_t row = r + k * slots, stop = row < end ? p.width : 0;
        v[k] = load_part(x + first + row * p.width, column, stop, p.wide);
        if constexpr (Op::has_cotangent)
          c[k] = load_part(ct + first + row * p.width, column, stop, p.wide);
        else
          c[k] = {};
      }
#pragma unroll
      for (int k = 0; k < at_once; ++k) {
        const std::int64_t row = r + k * slots, stop = row < end ? p.width : 0;
        WidePack<T> y;
#pragma unroll
        for (int j = 0; j < widest<T>; ++j) y.v[j] = Op::result(numbers[j], v[k].v[j], c[k].v[j]);
        store_part(y, out + first + row * p.width, column, stop, p.wide);
      }
    }
  }
}

// y = (x - mean) rstd weight + bias
template <class T>
struct Apply {
  static constexpr bool has_cotangent = false;
  struct Numbers {
    T shift, scale, bias;
  };
  NormalizeForwardArgs<T> a;

  __device__ Numbers numbers(std::int64_t matrix, std::int64_t column) const {
    const std::int64_t statistic = matrix * a.sizes.groups + column / a.sizes.inner;
    const std::int64_t lane = matrix / a.sizes.outer;
    const T rstd = a.rstd[statistic];
    return {a.mean[statistic], a.weight ? rstd * a.weight[lane * a.weight_lane + column] : rstd,
            a.bias ? a.bias[lane * a.bias_lane + column] : T(0)};
  }
  static __device__ T result(const Numbers& n, T x, T) { return (x - n.shift) * n.scale + n.bias; }
};

// rstd <g> and rstd <g xhat> of each statistic.
template <class T>
struct SeedMeans {
  T seed, dot;
};

// dx = rstd (ct weight - <g> - xhat <g xhat>)
template <class T>
struct ApplyGradient {
  static constexpr bool has_cotangent = true;
  struct Numbers {
    T shift, scale, bias, seed_scale;
  };
  NormalizeBackwardArgs<T> a;
  const SeedMeans<T>* means;

  __device__ Numbers numbers(std::int64_t matrix, std::int64_t column) const {
    const std::int64_t statistic = matrix * a.sizes.groups + column / a.sizes.inner;
    const std::int64_t lane = matrix / a.sizes.outer;
    const T rstd = a.rstd[statistic];
    const SeedMeans<T> mean = means[statistic];
    return {a.mean ? a.mean[statistic] : T(0), a.mean ? rstd * mean.dot : mean.dot, mean.seed,
            a.weight ? rstd * a.weight[lane * a.weight_lane + column] : rstd};
  }
  static __device__ T result(const Numbers& n, T x, T ct) {
    return ct * n.seed_scale - n.bias - (x - n.shift) * n.scale;
  }
};

// A few lanes for each statistic: the moments of its columns and their parts lie together.
template <class T>
__global__ void statistics_kernel(const reduce_ops::Moments* moments, NormalizeForwardArgs<T> a,
                                  std::int64_t statistics, std::int64_t items, int team) {
  using Op = Deviance<T>;
  const int rank = static_cast<int>(threadIdx.x) % team;
  for_each_team(statistics, team, [&](std::int64_t i, bool real) {
    reduce_ops::Moments all = Op::identity();
    for (std::int64_t k = rank; k < items; k += team) all.join(moments[i * items + k]);
    all = reduce_lanes(all, team, Combine<Op>());
    if (!real || rank != 0) return;
    const double mean = a.center ? all.mean : 0, n = all.n > 0 ? all.n : 1;
    const double squares = a.center ? all.m2 : all.m2 + all.n * all.mean * all.mean;
    a.mean[i] = static_cast<T>(mean);
    a.rstd[i] = static_cast<T>(1 / sqrt(squares / n + a.eps));
  });
}

// The same for <ct weight> and <ct weight xhat>, from the sums of the columns.
template <class T>
__global__ void seed_means_kernel(const ColumnSums* sums, NormalizeBackwardArgs<T> a,
                                  SeedMeans<T>* means, std::int64_t statistics, std::int64_t parts,
                                  int team) {
  const std::int64_t inner = a.sizes.inner, items = inner * parts;
  const int rank = static_cast<int>(threadIdx.x) % team;
  for_each_team(statistics, team, [&](std::int64_t i, bool real) {
    const std::int64_t lane = i / (a.sizes.outer * a.sizes.groups), group = i % a.sizes.groups;
    const T* weight = a.weight ? a.weight + lane * a.weight_lane + group * inner : nullptr;
    ColumnSums total{0, 0};
    for (std::int64_t k = rank; k < items; k += team) {
      const ColumnSums& column = sums[i * items + k];
      const double w = weight ? static_cast<double>(weight[k / parts]) : 1;
      total = total + ColumnSums{column.ct * w, column.dot * w};
    }
    total = reduce_lanes(total, team, Plus());
    const double by = static_cast<double>(a.rstd[i]) / static_cast<double>(a.sizes.count());
    if (real && rank == 0)
      means[i] = {a.center ? static_cast<T>(total.ct * by) : T(0), static_cast<T>(total.dot * by)};
  });
}

}  // namespace

template <class T>
void normalize_by_columns(Stream& stream, const NormalizeForwardArgs<T>& a) {
  constexpr std::string_view op = "normalize";
  const NormalizeSizes& s = a.sizes;
  const std::int64_t width = s.width(), matrices = s.lanes * s.outer;
  const ColumnsPlan plan({.outer = matrices,
                          .reduced = s.middle,
                          .inner = width,
                          .outer_step = s.middle * width,
                          .reduced_step = width,
                          .inner_step = 1});
  const Tensor room = room_for_totals<Deviance<T>>(matrices * width, plan.parts, device_of(stream));
  auto* moments = pointer<reduce_ops::Moments>(stream, room);
  if (width > 0)
    launch(op, stream, plan.grid(), &reduce_columns<Deviance<T>>, a.x,
           ReduceTarget<Deviance<T>>{nullptr, moments, plan.parts.count}, plan);
  const std::int64_t statistics = matrices * s.groups, items = s.inner * plan.parts.count;
  launch(op, stream, grid_over(statistics * lanes_for(items)), &statistics_kernel<T>, moments, a,
         statistics, items, lanes_for(items));
  const MapPlan map = MapPlan::of<T>(s, {a.x, a.y});
  if (s.lane_size() > 0)
    launch(op, stream, map.grid(), &map_columns<T, Apply<T>>, a.x, nullptr, a.y, map, Apply<T>{a});
}

template <class T>
void normalize_grad_by_columns(Stream& stream, const NormalizeBackwardArgs<T>& a) {
  constexpr std::string_view op = "normalize_grad";
  const NormalizeSizes& s = a.sizes;
  const ColumnSumsTable sums = sum_columns(stream, a, false);
  const std::int64_t statistics = s.lanes * s.outer * s.groups;
  const Tensor room = Tensor::empty({statistics, 2}, dtype_of<T>, device_of(stream));
  auto* means = pointer<SeedMeans<T>>(stream, room);
  const int team = lanes_for(s.inner * sums.parts);
  launch(op, stream, grid_over(statistics * team), &seed_means_kernel<T>,
         pointer<const ColumnSums>(stream, sums.memory), a, means, statistics, sums.parts, team);
  const MapPlan map = MapPlan::of<T>(s, {a.x, a.ct, a.dx});
  launch(op, stream, map.grid(), &map_columns<T, ApplyGradient<T>>, a.x, a.ct, a.dx, map,
         ApplyGradient<T>{a, means});
  if (a.dweight) sum_parameters(stream, a, sums);
}

template void normalize_by_columns(Stream&, const NormalizeForwardArgs<float>&);
template void normalize_by_columns(Stream&, const NormalizeForwardArgs<double>&);
template void normalize_grad_by_columns(Stream&, const NormalizeBackwardArgs<float>&);
template void normalize_grad_by_columns(Stream&, const NormalizeBackwardArgs<double>&);

}  // namespace sonde::cuda
