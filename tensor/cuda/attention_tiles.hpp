/// @file
/// What the passes of attention share. A block of threads owns a tile of queries (or of keys) of
/// one head, and the tiles of the other side stream through its shared memory; the sizes of tiles
/// follow from the bytes of a row. Heads wider than 128 columns are multiplied in chunks of 128,
/// and each chunk of a result has a block of its own, which computes the scores again.
#pragma once

#include <limits>

#include "tensor/attention_layout.hpp"
#include "tensor/cuda/tile_products.hpp"
#include "tensor/kernels/attention.hpp"

namespace sonde::cuda {

/// The leading axes, and how a head's number falls apart into indices.
struct HeadAxes {
  int rank = 0;
  std::int64_t size[max_rank] = {};

  __host__ __device__ std::int64_t offset(std::int64_t head, const std::int64_t* strides) const {
    std::int64_t offset = 0;
    for (int i = rank - 1; i >= 0; --i) {
      offset += head % size[i] * strides[i];
      head /= size[i];
    }
    return offset;
  }
};

/// One head's matrix, its rows without gaps.
template <class T>
struct HeadMatrix {
  T* data;
  std::int64_t rows, columns, stride;
  bool aligned;  ///< by vectors?

  __host__ __device__ T* row(std::int64_t r) const { return data + r * stride; }
};

/// A tensor [..., rows, columns], read and written in place.
template <class T>
struct HeadRows {
  HeadMatrix<T> first;
  std::int64_t lead[max_rank] = {};

  __host__ __device__ HeadMatrix<T> at(const HeadAxes& axes, std::int64_t head) const {
    HeadMatrix<T> m = first;
    m.data += axes.offset(head, lead);
    return m;
  }
};

/// How a product of a query with a key becomes a score.
template <class T>
struct ScoreRule {
  T scale;
  bool causal;
  std::int64_t queries, keys;
  const bool* seen = nullptr;  ///< the mask, if it is bool
  const T* added = nullptr;    ///< the mask, if it is not
  std::int64_t query_stride = 0, key_stride = 0, lead[max_rank] = {};

  /// For one head.
  __host__ __device__ ScoreRule at(const HeadAxes& axes, std::int64_t head) const {
    ScoreRule rule = *this;
    const std::int64_t offset = axes.offset(head, lead);
    if (seen) rule.seen += offset;
    if (added) rule.added += offset;
    return rule;
  }
  /// Minus infinity for what the query does not see.
  __host__ __device__ T operator()(T product, std::int64_t query, std::int64_t key) const {
    constexpr T hidden = -std::numeric_limits<T>::infinity();
    if (query >= queries || key >= keys || (causal && key > query)) return hidden;
    const std::int64_t at = query * query_stride + key * key_stride;
    if (seen) return seen[at] ? scale * product : hidden;
    return added ? scale * product + added[at] : scale * product;
  }
};

/// The operands of both passes.
template <class T>
struct AttentionOperands {
  HeadAxes axes;
  std::int64_t heads;
  HeadRows<T> q, k, v;
  ScoreRule<T> rule;
};

__host__ __device__ constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

/// What a block does at a time: a tile of the rows it owns, a chunk of the result's columns.
struct AttentionItem {
  std::int64_t head, first_row;
  int chunk;

  __host__ __device__ AttentionItem(std::int64_t item, std::int64_t rows, int tile, int chunks)
      : chunk(static_cast<int>(item % chunks)) {
    const std::int64_t tiles = ceil_div(rows, tile);
    item /= chunks;
    first_row = item % tiles * tile;
    head = item / tiles;
  }
};
/// `t` has dense rows.
template <class T>
HeadRows<T> head_rows(Stream& stream, const Tensor& t) {
  const int r = t.rank();
  const std::int64_t rows = t.size(-2), columns = t.size(-1);
  const std::int64_t stride = rows > 1 ? t.strides()[r - 2] : 0;
  T* data = pointer<T>(stream, t);
  HeadRows<T> out{{data, rows, columns, stride, takes_packs(data, {columns, stride})}};
  for (int i = 0; i + 2 < r; ++i) {
    out.lead[i] = t.size(i) > 1 ? t.strides()[i] : 0;
    out.first.aligned = out.first.aligned && out.lead[i] % widest<T> == 0;
  }
  return out;
}

template <class T>
ScoreRule<T> score_rule(Stream& stream, const Tensor& mask, const Tensor& q, std::int64_t keys,
                        const kernels::Attention& attributes) {
  ScoreRule<T> rule{static_cast<T>(attributes.scale), attributes.causal, q.size(-2), keys};
  if (!mask) return rule;
  const Tensor t = mask.expand(scores_shape(q, keys));
  if (t.dtype() == DType::boolean)
    rule.seen = pointer<bool>(stream, t);
  else
    rule.added = pointer<T>(stream, t);
  rule.query_stride = t.strides()[t.rank() - 2];
  rule.key_stride = t.strides()[t.rank() - 1];
  for (int i = 0; i + 2 < t.rank(); ++i) rule.lead[i] = t.strides()[i];
  return rule;
}

/// q, k and v have dense rows.
template <class T>
AttentionOperands<T> attention_operands(Stream& stream, const Tensor& q, const Tensor& k,
                                        const Tensor& v, const Tensor& mask,
                                        const kernels::Attention& attributes) {
  AttentionOperands<T> in{{},
                          1,
                          head_rows<T>(stream, q),
                          head_rows<T>(stream, k),
                          head_rows<T>(stream, v),
                          score_rule<T>(stream, mask, q, k.size(-2), attributes)};
  in.axes.rank = q.rank() - 2;
  for (int i = 0; i + 2 < q.rank(); ++i) {
    in.axes.size[i] = q.size(i);
    in.heads *= q.size(i);
  }
  return in;
}

/// Calls f with the columns of the tiles for rows of `width`: 32, 64 or 128 as a constant. Fewer
/// where the card's blocks have too little shared memory for Shape<T, columns>.
template <class T, template <class, int> class Shape, class F>
void with_tile_columns(Stream& stream, std::int64_t width, F f) {
  int available = 0;
  check(cudaDeviceGetAttribute(&available, cudaDevAttrMaxSharedMemoryPerBlockOptin, stream.device),
        "attention");
  if (width > 64 && Shape<T, 128>::shared_bytes <= available)
    return f(std::integral_constant<int, 128>());
  if (width > 32 && Shape<T, 64>::shared_bytes <= available)
    return f(std::integral_constant<int, 64>());
  f(std::integral_constant<int, 32>());
}

/// [3, heads, T] of each query's row: the largest score (0 if it sees no key), one over the sum of
/// the exponentials (then 0), and the product of the rows of `o` and `ct`.
Tensor attention_statistics(const kernels::AttentionSaved& saved, const Tensor& ct,
                            const kernels::Attention& attributes);

#if defined(__CUDACC__) || defined(SONDE_CUDA_SIMULATOR)
/// Starts loading `rows` rows from `first`, columns of `chunk`; zeros where the matrix ends.
template <class T, int rows, int columns>
__device__ void fetch_chunk(TileInFlight<T, rows, columns>& tile, const HeadMatrix<T>& m,
                            std::int64_t first, int chunk) {
  const std::int64_t from = static_cast<std::int64_t>(chunk) * columns;
  tile.fetch([&](int r) { return first + r < m.rows ? m.row(first + r) + from : nullptr; },
             m.columns - from, m.aligned);
}
template <int rows, int columns, class T>
__device__ void load_chunk(const HeadMatrix<T>& m, std::int64_t first, int chunk, T* to) {
  TileInFlight<T, rows, columns> tile;
  fetch_chunk(tile, m, first, chunk);
  tile.store(to);
}
/// Columns that a chunk has.
template <int columns, class T>
__device__ int chunk_depth(const HeadMatrix<T>& m, int chunk) {
  return static_cast<int>(min(static_cast<std::int64_t>(columns),
                              m.columns - static_cast<std::int64_t>(chunk) * columns));
}

/// Writes `factor` times the sums to the rows first + down + 16 i, columns of `chunk`.
template <class T, int m, int n>
__device__ void write_chunk(const T (&sums)[m][n], T factor, const HeadMatrix<T>& to,
                            std::int64_t first, int chunk) {
  using Columns = ThreadColumns<T, n>;
#pragma unroll
  for (int i = 0; i < m; ++i) {
    const std::int64_t r = first + thread_down() + i * tile_side;
    if (r >= to.rows) continue;
#pragma unroll
    for (int g = 0; g < Columns::groups; ++g) {
      const std::int64_t column =
          static_cast<std::int64_t>(chunk) * tile_side * n + Columns::first(g);
      Pack<T, Columns::size> pack;
#pragma unroll
      for (int c = 0; c < Columns::size; ++c) pack.v[c] = factor * sums[i][g * Columns::size + c];
      if (to.aligned && column < to.columns) {
        store_pack<Columns::size>(to.row(r) + column, pack);
        continue;
      }
#pragma unroll
      for (int c = 0; c < Columns::size; ++c)
        if (column + c < to.columns) to.row(r)[column + c] = pack.v[c];
    }
  }
}
#endif

}  // namespace sonde::cuda
