// Attention backward, as FlashAttention-2 but with a pass for dq beside the one for dk and dv: each
// block owns the rows whose gradients it sums, so nothing is added by two blocks. Both passes have
// one form. With rows A owned and rows B streamed, of (q, ct) and (k, v) or the other way round,
//   s = A1 B1', p = exp(rule(s) - top) factor, ds = p (A2 B2' - dot),
//   dA1 = scale ds B1, and, where keys are owned, dA2 = p B2.
#include <algorithm>
#include <cmath>

#include "tensor/cuda/attention_tiles.hpp"
#include "tensor/cuda/register.hpp"

namespace sonde::cuda {
namespace {

template <class T>
struct Backward {
  AttentionOperands<T> in;
  HeadRows<T> ct;
  const T *top = nullptr, *factor = nullptr, *dot = nullptr;  ///< attention_statistics()
  HeadRows<T> d_first = {}, d_second = {};                    ///< dq and nothing, or dk and dv
  T* d_mask = nullptr;  ///< [heads, T, S], of the pass that owns queries
  int chunks = 1;
  std::int64_t items = 0;
};

template <class T, int columns>
struct Shape {
  static constexpr int owned = sizeof(T) == 4 || columns == 64 ? 64 : 32;
  static constexpr int streamed = sizeof(T) == 4 ? 64 : 32;
  /// Blocks per multiprocessor, by registers and shared memory.
  static constexpr int blocks = sizeof(T) == 4 && columns <= 64 ? 2 : 1;
  static constexpr int m = owned / tile_side, n = streamed / tile_side, wide = columns / tile_side;
  static constexpr int pitch = pitch_of<T>(columns), weight_pitch = pitch_of<T>(streamed);
  static constexpr std::int64_t shared_bytes =
      (2 * (owned + streamed) * pitch + owned * weight_pitch) *
      static_cast<std::int64_t>(sizeof(T));
};

/// Two matrices with as many rows, and where their tiles lie in shared memory.
template <class T>
struct Side {
  HeadMatrix<T> first, second;
  T *first_tile, *second_tile;
};

/// The owned and the streamed rows of one head, and the weights [owned, streamed].
template <class T, int columns>
struct Block {
  using Tile = Shape<T, columns>;
  Side<T> own, other;
  T* weights;

  /// q and ct with k and v.
  __device__ static Block of_queries(const Backward<T>& b, std::int64_t head) {
    return Block(b, head, b.in.q, b.ct, b.in.k, b.in.v);
  }
  __device__ static Block of_keys(const Backward<T>& b, std::int64_t head) {
    return Block(b, head, b.in.k, b.in.v, b.in.q, b.ct);
  }

  /// s = A1 B1' and dp = A2 B2' of the tiles from own_row and from row. The chunk `mine` of columns
  /// comes last, so that it stays in the streamed tiles. Owned rows of one chunk are loaded once.
  __device__ void multiply(std::int64_t own_row, std::int64_t row, int mine, bool first_time,
                           T (&s)[Tile::m][Tile::n], T (&dp)[Tile::m][Tile::n]) const {
    const int s_chunks = chunks(own.first), dp_chunks = chunks(own.second);
    const int rounds = max(s_chunks, dp_chunks);
    const bool load_own = first_time || rounds > 1;
    for (int i = 0; i < rounds; ++i) {
      const int c = (mine + 1 + i) % s_chunks, d = (mine + 1 + i) % dp_chunks;
      __syncthreads();  // the tiles before have been used
      if (i < s_chunks) {
        if (load_own) load_chunk<Tile::owned, columns>(own.first, own_row, c, own.first_tile);
        load_chunk<Tile::streamed, columns>(other.first, row, c, other.first_tile);
      }
      if (i < dp_chunks) {
        if (load_own) load_chunk<Tile::owned, columns>(own.second, own_row, d, own.second_tile);
        load_chunk<Tile::streamed, columns>(other.second, row, d, other.second_tile);
      }
      __syncthreads();
      if (i < s_chunks)
        add_inner_products<Tile::pitch, Tile::pitch>(own.first_tile, other.first_tile,
                                                     chunk_depth<columns>(own.first, c), s);
      if (i < dp_chunks)
        add_inner_products<Tile::pitch, Tile::pitch>(own.second_tile, other.second_tile,
                                                     chunk_depth<columns>(own.second, d), dp);
    }
  }

  /// The weights have been used, or not yet written.
  __device__ void store_weights(const T (&w)[Tile::m][Tile::n]) const {
#pragma unroll
    for (int i = 0; i < Tile::m; ++i)
#pragma unroll
      for (int j = 0; j < Tile::n; ++j)
        weights[(thread_down() + i * tile_side) * Tile::weight_pitch + thread_across() +
                j * tile_side] = w[i][j];
    __syncthreads();
  }
  /// sums += weights times a streamed tile, of which `rows` are left.
  __device__ void add(const T* tile, std::int64_t rows, T (&sums)[Tile::m][Tile::wide]) const {
    add_product<Tile::weight_pitch, Tile::pitch>(
        weights, tile, static_cast<int>(min(rows, std::int64_t{Tile::streamed})), sums);
  }

 private:
  __device__ Block(const Backward<T>& b, std::int64_t head, const HeadRows<T>& a1,
                   const HeadRows<T>& a2, const HeadRows<T>& b1, const HeadRows<T>& b2) {
    T* const memory = dynamic_shared<T>();
    constexpr int owned = Tile::owned * Tile::pitch, streamed = Tile::streamed * Tile::pitch;
    own = {a1.at(b.in.axes, head), a2.at(b.in.axes, head), memory, memory + owned};
    other = {b1.at(b.in.axes, head), b2.at(b.in.axes, head), memory + 2 * owned,
             memory + 2 * owned + streamed};
    weights = memory + 2 * (owned + streamed);
  }
  __device__ static int chunks(const HeadMatrix<T>& m) {
    return max(1, static_cast<int>(ceil_div(m.columns, columns)));
  }
};

/// What a thread's scores need of a query: kept for the rows of the tile, read for its columns.
template <class T>
struct QueryStatistics {
  T top = T(0), factor = T(0), dot = T(0);

  QueryStatistics() = default;
  __device__ QueryStatistics(const Backward<T>& b, std::int64_t head, std::int64_t query) {
    if (query >= b.in.rule.queries) return;
    const std::int64_t at = head * b.in.rule.queries + query;
    top = b.top[at];
    factor = b.factor[at];
    dot = b.dot[at];
  }
};

/// s becomes the probability, dp the cotangent of the score.
template <class T>
__device__ void differentiate(const ScoreRule<T>& rule, const QueryStatistics<T>& of,
                              std::int64_t query, std::int64_t key, T& s, T& dp) {
  s = std::exp(rule(s, query, key) - of.top) * of.factor;
  dp = s * (dp - of.dot);
}

/// The pass for dq, and for the mask's cotangent.
template <class T, int columns>
__device__ void query_gradients(const Backward<T>& b, const AttentionItem& item) {
  using Tile = Shape<T, columns>;
  const auto block = Block<T, columns>::of_queries(b, item.head);
  const ScoreRule<T> rule = b.in.rule.at(b.in.axes, item.head);
  const bool writes_mask = b.d_mask && item.chunk == 0;
  QueryStatistics<T> of[Tile::m];
#pragma unroll
  for (int i = 0; i < Tile::m; ++i)
    of[i] = {b, item.head, item.first_row + thread_down() + i * tile_side};
  T sums[Tile::m][Tile::wide] = {};
  const std::int64_t end =
      rule.causal && !b.d_mask ? min(rule.keys, item.first_row + Tile::owned) : rule.keys;
  for (std::int64_t row = 0; row < end; row += Tile::streamed) {
    T s[Tile::m][Tile::n] = {}, dp[Tile::m][Tile::n] = {};
    block.multiply(item.first_row, row, item.chunk, row == 0, s, dp);
#pragma unroll
    for (int i = 0; i < Tile::m; ++i)
#pragma unroll
      for (int j = 0; j < Tile::n; ++j) {
        const std::int64_t query = item.first_row + thread_down() + i * tile_side,
                           key = row + thread_across() + j * tile_side;
        differentiate(rule, of[i], query, key, s[i][j], dp[i][j]);
        if (writes_mask && query < rule.queries && key < rule.keys)
          b.d_mask[(item.head * rule.queries + query) * rule.keys + key] = dp[i][j];
      }
    block.store_weights(dp);
    block.add(block.other.first_tile, end - row, sums);
  }
  write_chunk(sums, rule.scale, b.d_first.at(b.in.axes, item.head), item.first_row, item.chunk);
}

/// The pass for dk and dv.
template <class T, int columns>
__device__ void key_gradients(const Backward<T>& b, const AttentionItem& item) {
  using Tile = Shape<T, columns>;
  const auto block = Block<T, columns>::of_keys(b, item.head);
  const ScoreRule<T> rule = b.in.rule.at(b.in.axes, item.head);
  T key_sums[Tile::m][Tile::wide] = {}, value_sums[Tile::m][Tile::wide] = {};
  const std::int64_t begin = rule.causal ? item.first_row / Tile::streamed * Tile::streamed : 0;
  for (std::int64_t row = begin; row < rule.queries; row += Tile::streamed) {
    T s[Tile::m][Tile::n] = {}, dp[Tile::m][Tile::n] = {};
    block.multiply(item.first_row, row, item.chunk, row == begin, s, dp);
#pragma unroll
    for (int j = 0; j < Tile::n; ++j) {
      const std::int64_t query = row + thread_across() + j * tile_side;
      const QueryStatistics<T> of(b, item.head, query);
#pragma unroll
      for (int i = 0; i < Tile::m; ++i)
        differentiate(rule, of, query, item.first_row + thread_down() + i * tile_side, s[i][j],
                      dp[i][j]);
    }
    block.store_weights(s);
    block.add(block.other.second_tile, rule.queries - row, value_sums);
    __syncthreads();
    block.store_weights(dp);
    block.add(block.other.first_tile, rule.queries - row, key_sums);
  }
  write_chunk(key_sums, rule.scale, b.d_first.at(b.in.axes, item.head), item.first_row, item.chunk);
  write_chunk(value_sums, T(1), b.d_second.at(b.in.axes, item.head), item.first_row, item.chunk);
}

template <class T, int columns>
__global__ void __launch_bounds__(tile_threads, Shape<T, columns>::blocks)
    query_gradients_kernel(const __grid_constant__ Backward<T> b) {
  for (std::int64_t i = blockIdx.x; i < b.items; i += gridDim.x) {
    query_gradients<T, columns>(b, {i, b.in.rule.queries, Shape<T, columns>::owned, b.chunks});
    __syncthreads();
  }
}
template <class T, int columns>
__global__ void __launch_bounds__(tile_threads, Shape<T, columns>::blocks)
    key_gradients_kernel(const __grid_constant__ Backward<T> b) {
  for (std::int64_t i = blockIdx.x; i < b.items; i += gridDim.x) {
    key_gradients<T, columns>(b, {i, b.in.rule.keys, Shape<T, columns>::owned, b.chunks});
    __syncthreads();
  }
}

// Where the gradients go.
template <class T>
struct Gradients {
  HeadRows<T> q, k, v;
  T* mask;
};

template <class T, int columns>
void run(Stream& stream, Backward<T> b, const Gradients<T>& to) {
  using Tile = Shape<T, columns>;
  const std::int64_t d = to.q.first.columns, e = to.v.first.columns;
  auto launch_pass = [&](std::int64_t rows, auto kernel) {
    b.items = b.in.heads * ceil_div(rows, Tile::owned) * b.chunks;
    launch("attention_grad", stream, tile_grid(b.items, Tile::shared_bytes), kernel, b);
  };
  b.d_first = to.q;
  b.d_mask = to.mask;
  b.chunks = static_cast<int>(std::max<std::int64_t>(1, ceil_div(d, columns)));
  launch_pass(b.in.rule.queries, query_gradients_kernel<T, columns>);
  b.d_first = to.k;
  b.d_second = to.v;
  b.chunks = static_cast<int>(std::max<std::int64_t>(1, ceil_div(std::max(d, e), columns)));
  launch_pass(b.in.rule.keys, key_gradients_kernel<T, columns>);
}

Tensor ordered_like(const Tensor& t) {
  return Tensor::empty_ordered(t.shape(), row_order(t), t.dtype(), t.device());
}

template <class T>
std::array<Tensor, 4> attention_grad(const kernels::AttentionSaved& in, const Tensor& cotangent,
                                     const kernels::Attention& attributes, bool mask_wanted) {
  const kernels::AttentionSaved saved{dense_rows(in.q), dense_rows(in.k), dense_rows(in.v), in.mask,
                                      dense_rows(in.o)};
  const Tensor ct = dense_rows(cotangent);
  std::array<Tensor, 4> out{ordered_like(in.q), ordered_like(in.k), ordered_like(in.v)};
  if (mask_wanted)
    out[3] = Tensor::empty(scores_shape(in.q, in.k.size(-2)), ct.dtype(), ct.device());
  const Tensor statistics = attention_statistics(saved, ct, attributes);
  Stream& stream = stream_of(ct.device());
  Backward<T> b{attention_operands<T>(stream, saved.q, saved.k, saved.v, saved.mask, attributes),
                head_rows<T>(stream, ct)};
  const std::int64_t rows = b.in.heads * b.in.rule.queries;
  b.top = pointer<T>(stream, statistics);
  b.factor = b.top + rows;
  b.dot = b.factor + rows;
  const Gradients<T> to{head_rows<T>(stream, out[0]), head_rows<T>(stream, out[1]),
                        head_rows<T>(stream, out[2]), pointer<T>(stream, out[3])};
  with_tile_columns<T, Shape>(stream, std::max(in.q.size(-1), in.v.size(-1)),
                              [&](auto columns) { run<T, columns>(stream, b, to); });
  return out;
}

}  // namespace

void register_attention_grad() {
  kernels::attention_grad.add(DeviceType::cuda, {DType::f32}, &attention_grad<float>);
  kernels::attention_grad.add(DeviceType::cuda, {DType::f64}, &attention_grad<double>);
}

}  // namespace sonde::cuda
