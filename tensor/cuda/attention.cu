// Attention forward (Dao, "FlashAttention-2", 2023): a block owns a tile of queries of one head and
// goes over the keys in tiles. The softmax is kept up as they come: whenever a row finds a larger
// score, what it has summed so far shrinks by the same factor. Bound by FFMA instructions, 2 (d +
// e) flops per score.
#include <algorithm>
#include <cmath>

#include "tensor/cuda/attention_tiles.hpp"
#include "tensor/cuda/register.hpp"

namespace sonde::cuda {
namespace {

/// What a pass over the keys gives: the output, or the statistics for the backward pass.
template <class T>
struct Forward {
  AttentionOperands<T> in;
  HeadRows<T> o;
  std::int64_t items;
};
template <class T>
struct Statistics {
  AttentionOperands<T> in;
  HeadRows<T> o, ct;
  T *top, *factor, *dot;
  std::int64_t items;
};

/// Tiles are squares: of queries by keys.
template <class T, int columns>
struct Shape {
  static constexpr int side = sizeof(T) == 4 || columns == 64 ? 64 : 32, m = side / tile_side;
  /// Blocks per multiprocessor, by registers.
  static constexpr int blocks = sizeof(T) == 4 ? 2 : 1;
  static constexpr int pitch = pitch_of<T>(columns), weight_pitch = pitch_of<T>(side);
  static constexpr std::int64_t shared_bytes =
      side * (2 * pitch + weight_pitch) * static_cast<std::int64_t>(sizeof(T));
};

/// The rows' softmax so far. `sum` is this thread's part of it.
template <class T, int m>
struct RunningSoftmax {
  T top[m], sum[m];

  __device__ RunningSoftmax() {
    for (int i = 0; i < m; ++i) {
      top[i] = -std::numeric_limits<T>::infinity();
      sum[i] = T(0);
    }
  }
  /// What the exponents are relative to: 0 as long as all scores are minus infinity.
  __device__ T shift(int i) const {
    return top[i] == -std::numeric_limits<T>::infinity() ? T(0) : top[i];
  }
  /// Scores become exponentials; shrink[i] is the factor for what row i has summed so far.
  template <int n>
  __device__ void take(T (&s)[m][n], T (&shrink)[m]) {
#pragma unroll
    for (int i = 0; i < m; ++i) {
      T largest = top[i];
#pragma unroll
      for (int j = 0; j < n; ++j) largest = max(largest, s[i][j]);
      const T before = top[i];
      top[i] = max_across(largest);
      shrink[i] = std::exp(before - shift(i));
      sum[i] *= shrink[i];
#pragma unroll
      for (int j = 0; j < n; ++j) {
        s[i][j] = std::exp(s[i][j] - shift(i));
        sum[i] += s[i][j];
      }
    }
  }
  /// One over the row's whole sum; 0 for a row that saw nothing.
  __device__ T factor(int i) const {
    const T all = sum_across(sum[i]);
    return all == T(0) ? T(0) : T(1) / all;
  }
};

/// The scores of the owned queries with the keys from `key`. `resident`: the queries are one chunk,
/// which stays in shared memory from the first tile of keys on.
template <int columns, class T>
__device__ void score_tile(const HeadMatrix<T>& q, const HeadMatrix<T>& k, std::int64_t query,
                           std::int64_t key, T* queries, T* keys,
                           T (&s)[Shape<T, columns>::m][Shape<T, columns>::m]) {
  using Tile = Shape<T, columns>;
  const int chunks = static_cast<int>(ceil_div(q.columns, columns));
  const bool resident = chunks <= 1;
  for (int c = 0; c < chunks; ++c) {
    __syncthreads();  // the tile before has been used
    if (!resident || key == 0) load_chunk<Tile::side, columns>(q, query, c, queries);
    load_chunk<Tile::side, columns>(k, key, c, keys);
    __syncthreads();
    add_inner_products<Tile::pitch, Tile::pitch>(queries, keys, chunk_depth<columns>(q, c), s);
  }
}

template <class T, int m>
__device__ void apply(const ScoreRule<T>& rule, std::int64_t query, std::int64_t key,
                      T (&s)[m][m]) {
#pragma unroll
  for (int i = 0; i < m; ++i)
#pragma unroll
    for (int j = 0; j < m; ++j)
      s[i][j] = rule(s[i][j], query + thread_down() + i * tile_side,
                     key + thread_across() + j * tile_side);
}

/// One past the last key that any query of the tile sees.
template <class T>
__device__ std::int64_t end_of_keys(const ScoreRule<T>& rule, std::int64_t first_query, int side) {
  return rule.causal ? min(rule.keys, first_query + side) : rule.keys;
}

template <class T, int columns>
__device__ void attend(const Forward<T>& f, const AttentionItem& item) {
  using Tile = Shape<T, columns>;
  constexpr int side = Tile::side, m = Tile::m, n = columns / tile_side;
  T* queries = dynamic_shared<T>();
  T* streamed = queries + side * Tile::pitch;  // keys, then values
  T* weights = streamed + side * Tile::pitch;
  const HeadAxes& axes = f.in.axes;
  const HeadMatrix<T> q = f.in.q.at(axes, item.head), k = f.in.k.at(axes, item.head),
                      v = f.in.v.at(axes, item.head);
  const ScoreRule<T> rule = f.in.rule.at(axes, item.head);
  RunningSoftmax<T, m> softmax;
  T sums[m][n] = {}, shrink[m];
  const std::int64_t end = end_of_keys(rule, item.first_row, side);
  for (std::int64_t key = 0; key < end; key += side) {
    T s[m][m] = {};
    score_tile<columns>(q, k, item.first_row, key, queries, streamed, s);
    apply(rule, item.first_row, key, s);
    TileInFlight<T, side, columns> values;
    fetch_chunk(values, v, key, item.chunk);
    softmax.take(s, shrink);
#pragma unroll
    for (int i = 0; i < m; ++i) {
#pragma unroll
      for (int c = 0; c < n; ++c) sums[i][c] *= shrink[i];
#pragma unroll
      for (int j = 0; j < m; ++j)
        weights[(thread_down() + i * tile_side) * Tile::weight_pitch + thread_across() +
                j * tile_side] = s[i][j];
    }
    __syncthreads();  // the keys have been used
    values.store(streamed);
    __syncthreads();
    add_product<Tile::weight_pitch, Tile::pitch>(
        weights, streamed, static_cast<int>(min(end - key, std::int64_t{side})), sums);
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < m; ++i) {
    const T factor = softmax.factor(i);
#pragma unroll
    for (int c = 0; c < n; ++c) sums[i][c] *= factor;
  }
  write_chunk(sums, T(1), f.o.at(axes, item.head), item.first_row, item.chunk);
}

template <class T, int columns>
__global__ void __launch_bounds__(tile_threads, Shape<T, columns>::blocks)
    attention_kernel(const __grid_constant__ Forward<T> f, int chunks) {
  for (std::int64_t i = blockIdx.x; i < f.items; i += gridDim.x)
    attend<T, columns>(f, {i, f.in.rule.queries, Shape<T, columns>::side, chunks});
}

// The product of two rows, in all threads of a row of threads.
template <class T>
__device__ T dot_across(const T* a, const T* b, std::int64_t n) {
  T sum = T(0);
  for (std::int64_t c = thread_across(); c < n; c += tile_side) sum += a[c] * b[c];
  return sum_across(sum);
}

template <class T, int columns>
__device__ void measure(const Statistics<T>& f, const AttentionItem& item) {
  using Tile = Shape<T, columns>;
  constexpr int side = Tile::side, m = Tile::m;
  T* queries = dynamic_shared<T>();
  const HeadAxes& axes = f.in.axes;
  const HeadMatrix<T> q = f.in.q.at(axes, item.head), k = f.in.k.at(axes, item.head),
                      o = f.o.at(axes, item.head), ct = f.ct.at(axes, item.head);
  const ScoreRule<T> rule = f.in.rule.at(axes, item.head);
  RunningSoftmax<T, m> softmax;
  const std::int64_t end = end_of_keys(rule, item.first_row, side);
  for (std::int64_t key = 0; key < end; key += side) {
    T s[m][m] = {}, shrink[m];
    score_tile<columns>(q, k, item.first_row, key, queries, queries + side * Tile::pitch, s);
    apply(rule, item.first_row, key, s);
    softmax.take(s, shrink);
  }
#pragma unroll
  for (int i = 0; i < m; ++i) {
    const std::int64_t query = item.first_row + thread_down() + i * tile_side;
    const std::int64_t inside = query < rule.queries ? query : rule.queries - 1;
    const T factor = softmax.factor(i), dot = dot_across(o.row(inside), ct.row(inside), o.columns);
    if (query >= rule.queries || thread_across() != 0) continue;
    const std::int64_t at = item.head * rule.queries + query;
    f.top[at] = softmax.shift(i);
    f.factor[at] = factor;
    f.dot[at] = dot;
  }
  __syncthreads();
}

template <class T, int columns>
__global__ void __launch_bounds__(tile_threads, Shape<T, columns>::blocks)
    attention_statistics_kernel(const __grid_constant__ Statistics<T> f) {
  for (std::int64_t i = blockIdx.x; i < f.items; i += gridDim.x)
    measure<T, columns>(f, {i, f.in.rule.queries, Shape<T, columns>::side, 1});
}

template <class T, int columns>
void run(Stream& stream, Forward<T>& f) {
  using Tile = Shape<T, columns>;
  const int chunks = static_cast<int>(ceil_div(f.o.first.columns, columns));
  f.items = f.in.heads * ceil_div(f.in.rule.queries, Tile::side) * chunks;
  launch("attention", stream, tile_grid(f.items, Tile::shared_bytes), attention_kernel<T, columns>,
         f, chunks);
}
template <class T, int columns>
void run(Stream& stream, Statistics<T>& f) {
  using Tile = Shape<T, columns>;
  f.items = f.in.heads * ceil_div(f.in.rule.queries, Tile::side);
  launch("attention_grad", stream, tile_grid(f.items, Tile::shared_bytes),
         attention_statistics_kernel<T, columns>, f);
}

template <class T>
Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask,
                 const kernels::Attention& attributes) {
  Dims shape = q.shape();
  shape[shape.rank() - 1] = v.size(-1);
  Tensor o = Tensor::empty_ordered(shape, row_order(q), q.dtype(), q.device());
  if (o.numel() == 0) return o;
  Stream& stream = stream_of(o.device());
  const Tensor queries = dense_rows(q), keys = dense_rows(k), values = dense_rows(v);
  Forward<T> f{attention_operands<T>(stream, queries, keys, values, mask, attributes),
               head_rows<T>(stream, o), 0};
  with_tile_columns<T, Shape>(stream, std::max(q.size(-1), v.size(-1)),
                              [&](auto columns) { run<T, columns>(stream, f); });
  return o;
}

template <class T>
Tensor statistics(const kernels::AttentionSaved& saved, const Tensor& ct,
                  const kernels::Attention& attributes) {
  Stream& stream = stream_of(ct.device());
  Statistics<T> f{attention_operands<T>(stream, saved.q, saved.k, saved.v, saved.mask, attributes),
                  head_rows<T>(stream, saved.o),
                  head_rows<T>(stream, ct),
                  {},
                  {},
                  {},
                  0};
  Tensor out = Tensor::empty(Dims{3, f.in.heads, f.in.rule.queries}, ct.dtype(), ct.device());
  const std::int64_t rows = f.in.heads * f.in.rule.queries;
  f.top = pointer<T>(stream, out);
  f.factor = f.top + rows;
  f.dot = f.factor + rows;
  with_tile_columns<T, Shape>(stream, saved.q.size(-1),
                              [&](auto columns) { run<T, columns>(stream, f); });
  return out;
}

}  // namespace

Tensor attention_statistics(const kernels::AttentionSaved& saved, const Tensor& ct,
                            const kernels::Attention& attributes) {
  return ct.dtype() == DType::f32 ? statistics<float>(saved, ct, attributes)
                                  : statistics<double>(saved, ct, attributes);
}

void register_attention() {
  kernels::attention.add(DeviceType::cuda, {DType::f32}, &attention<float>);
  kernels::attention.add(DeviceType::cuda, {DType::f64}, &attention<double>);
}

}  // namespace sonde::cuda
