/// @file
/// One launch per time step: a block takes a tile of rows and units, multiplies what the step
/// before it left by the recurrent weights, and goes on with the result in its registers. A step
/// of few rows is bound by the latency of a launch and of one pass over the weights, a large one
/// by FFMA instructions.
#pragma once

#include "tensor/cuda/tile_products.hpp"
#include "tensor/kernels/lstm.hpp"

namespace sonde::cuda {

struct LstmSizes {
  explicit LstmSizes(const kernels::LstmInputs& in)
      : steps(in.x.size(0)),
        lanes(in.x.size(1)),
        batch(in.x.size(2)),
        inputs(in.x.size(3)),
        units(in.h0.size(2)) {}

  std::int64_t steps, lanes, batch, inputs, units;

  std::int64_t gates() const { return 4 * units; }
  /// Elements of a state [lanes, batch, units].
  std::int64_t state() const { return lanes * batch * units; }
};

/// One matrix (or row) for each lane, or one that all share: row-major, its first size 1 or lanes.
inline Tensor distinct_weights(const Tensor& weights) {
  const bool shared = weights.size(0) <= 1 || weights.strides()[0] == 0;
  return shared && weights.size(0) > 0 ? weights.slice(0, 0, 1).contiguous() : weights.contiguous();
}
/// Elements from a lane's weights to the next one's.
inline std::int64_t lane_stride(const Tensor& weights) {
  return weights.size(0) == 1 ? 0 : weights.numel() / weights.size(0);
}

/// [steps, lanes, batch, k] as [lanes, steps * batch, k], row-major; a view if there is one lane.
inline Tensor by_lane(const Tensor& t) {
  return t.permute({1, 0, 2, 3})
      .contiguous()
      .reshape({t.size(1), checked_mul(t.size(0), t.size(2)), t.size(3)});
}

/// out[l] = rows[l] w[l] for rows [lanes, R, k], w [1 or lanes, k, n]; one product if w is shared.
void multiply_by_weights(const Tensor& rows, const Tensor& w, const Tensor& out);

/// The largest tile, of 16, 32 or 64 rows, that still gives most multiprocessors a block: calls
/// f(rows / 16 as a constant). `blocks(side)` is how many tiles of `side` rows there are.
template <class Blocks, class F>
void with_tile_rows(Blocks blocks, F f) {
  constexpr std::int64_t enough = 128;
  if (blocks(64) >= enough) return f(std::integral_constant<int, 4>());
  if (blocks(32) >= enough) return f(std::integral_constant<int, 2>());
  f(std::integral_constant<int, 1>());
}

/// Which tile [rows, units] of which lane.
struct LstmTile {
  std::int64_t lane, row, unit;

  __host__ __device__ LstmTile(std::int64_t item, std::int64_t batch, int rows, std::int64_t units,
                               int tile_units) {
    const std::int64_t across = (units + tile_units - 1) / tile_units,
                       down = (batch + rows - 1) / rows;
    unit = item % across * tile_units;
    row = item / across % down * rows;
    lane = item / across / down;
  }
};
inline std::int64_t lstm_tiles(std::int64_t lanes, std::int64_t batch, std::int64_t rows,
                               std::int64_t units, std::int64_t tile_units) {
  return lanes * ((batch + rows - 1) / rows) * ((units + tile_units - 1) / tile_units);
}

/// A product of rows that come from global memory, a slice of columns at a time; the next slice is
/// on its way while this one is multiplied.
template <class T, int m, int n>
struct StreamedProduct {
  static constexpr int depth = 256 / static_cast<int>(sizeof(T)), pitch = pitch_of<T>(depth);
  static constexpr std::int64_t shared_bytes =
      tile_side * (m + n) * pitch * static_cast<std::int64_t>(sizeof(T));

#if defined(__CUDACC__) || defined(SONDE_CUDA_SIMULATOR)
  /// sums[i][j] += (row down + 16 i of a) . (row across + 16 j of b). Row r of `a` begins at a(r);
  /// null is a row of zeros.
  template <class RowsA, class RowsB>
  __device__ static void add(RowsA a, RowsB b, std::int64_t columns, bool aligned,
                             T (&sums)[m][n]) {
    T* const a_tile = dynamic_shared<T>();
    T* const b_tile = a_tile + m * tile_side * pitch;
    TileInFlight<T, m * tile_side, depth> a_slice;
    TileInFlight<T, n * tile_side, depth> b_slice;
    auto fetch = [&](std::int64_t from) {
      auto of = [from](const T* row) { return row ? row + from : nullptr; };
      a_slice.fetch([&](int r) { return of(a(r)); }, columns - from, aligned);
      b_slice.fetch([&](int r) { return of(b(r)); }, columns - from, aligned);
    };
    fetch(0);
    for (std::int64_t from = 0; from < columns; from += depth) {
      __syncthreads();  // the slice before has been used
      a_slice.store(a_tile);
      b_slice.store(b_tile);
      __syncthreads();
      if (from + depth < columns) fetch(from + depth);
      add_inner_products<pitch, pitch>(
          a_tile, b_tile, static_cast<int>(min(columns - from, std::int64_t{depth})), sums);
    }
  }
#endif
};

}  // namespace sonde::cuda
