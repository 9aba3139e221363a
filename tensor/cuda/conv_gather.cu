// dest [pixels, dest channels] = patches [pixels, taps * source channels] x weights, where patches
// are found as they are needed (an implicit GEMM).
#include "tensor/cuda/conv_gather.hpp"

#include "tensor/cuda/conv_tensor_tile.hpp"
#include "tensor/cuda/sum_parts.hpp"

namespace sonde::cuda {
namespace {

// How the work is laid over blocks.
struct Layout {
  std::int64_t tiles_m = 0, tiles_n = 0, parts = 1, part_stride = 0, blocks = 0;
  bool store_packs = false;
};

// A row of a tile: the source position that offsets count from, and where it and the result lie.
struct SourceRow {
  int h, w;
  std::int64_t at;
};
constexpr std::int64_t no_row = -1;

// What one block computes.
struct Part {
  AxisPlan rows, columns;
  std::int64_t source, weights, dest;  // where lane and group begin (no addresses: read from
                                       // shared memory, they could be of any memory)
  std::int64_t pixel, channel;         // of the tile's first row and column
  std::int64_t begin, end;             // slices
  Nested step;                         // from slice to slice
};

template <class Tile>
struct Shared {
  typename Tile::Slice buffers[2];
  SourceRow rows[Tile::m];
  std::int64_t dest[Tile::m];
  Part part;
};

// A phase may have no taps, and then no slices.
__host__ __device__ int some(int taps) {
  return taps > 0 ? taps : 1;
}

// Weights of one destination channel.
template <class T>
__host__ __device__ std::int64_t filter_size(const GatherConv<T>& c) {
  return static_cast<std::int64_t>(c.rows.kernel) * c.columns.kernel * c.source_channels;
}

template <class Tile, class T>
__device__ Part part_of(const GatherConv<T>& c, const Layout& layout, std::int64_t block) {
  Part part;
  part.channel = unfold(block, layout.tiles_n) * Tile::n;
  part.pixel = unfold(block, layout.tiles_m) * Tile::m;
  const int column_phases = phases(c.columns, c.transposed);
  part.columns = plan_of(c.columns, c.transposed, static_cast<int>(unfold(block, column_phases)));
  part.rows =
      plan_of(c.rows, c.transposed, static_cast<int>(unfold(block, phases(c.rows, c.transposed))));
  const std::int64_t p = unfold(block, layout.parts), group = unfold(block, c.groups), lane = block;
  part.source = lane * c.source.lane + group * c.source_channels;
  part.dest = p * layout.part_stride + lane * c.dest.lane + group * c.dest_channels;
  part.weights = lane * c.weights_lane + group * c.dest_channels * filter_size(c);
  const std::int64_t depth = part.rows.taps * part.columns.taps * c.source_channels,
                     slices = (depth + Tile::depth - 1) / Tile::depth,
                     each = (slices + layout.parts - 1) / layout.parts;
  part.begin = min(p * each, slices);
  part.end = min(part.begin + each, slices);
  part.step = nested(Tile::depth, some(part.columns.taps), static_cast<int>(c.source_channels));
  return part;
}

template <class Tile, class T>
__device__ void find_rows(const GatherConv<T>& c, const Part& part, Shared<Tile>& shared) {
  const std::int64_t pixels =
      c.batch * part.rows.count * static_cast<std::int64_t>(part.columns.count);
  for (int row = static_cast<int>(threadIdx.x); row < Tile::m; row += Tile::threads) {
    if (part.pixel + row >= pixels) {
      shared.rows[row] = {outside, outside, 0};
      shared.dest[row] = no_row;
      continue;
    }
    const Nested at = nested(part.pixel + row, part.rows.count, part.columns.count);
    const int h = at.middle * part.rows.source_step, w = at.inner * part.columns.source_step;
    shared.rows[row] = {h, w, at.outer * c.source.batch + h * c.source.row + w * c.source.column};
    shared.dest[row] =
        at.outer * c.dest.batch +
        (part.rows.first + static_cast<std::int64_t>(at.middle) * part.rows.step) * c.dest.row +
        (part.columns.first + static_cast<std::int64_t>(at.inner) * part.columns.step) *
            c.dest.column;
  }
}

// The source of multiply_tiles: patches along a, weights along b, the depth being (row of taps,
// column of taps, channel).
template <class Tile, int Width>
class Patches {
  using T = typename Tile::Element;
  using A = AlongDepth<Tile, Tile::m, Width>;

 public:
  __device__ Patches(const GatherConv<T>& c, const Part& part, const SourceRow* rows)
      : c_(c),
        part_(part),
        rows_(rows),
        at_(nested(part.begin * Tile::depth + A::depth(), some(part.columns.taps),
                   static_cast<int>(c.source_channels))) {}

  __device__ void open(std::int64_t slice) {
    if (slice > 0)
      advance(at_, part_.step, some(part_.columns.taps), static_cast<int>(c_.source_channels));
  }

  __device__ void fetch() {
    const bool inside = at_.outer < part_.rows.taps;
    const int r = static_cast<int>(at_.outer), s = at_.middle;
    const int h = part_.rows.offset_first + r * part_.rows.offset_step,
              w = part_.columns.offset_first + s * part_.columns.offset_step;
    const T* source =
        c_.source.data + part_.source + h * c_.source.row + w * c_.source.column + at_.inner;
    a_.fetch([&](int row) -> const T* {
      const SourceRow from = rows_[row];
      const bool hit = inside && in_range(from.h + h, part_.rows.source_size) &&
                       in_range(from.w + w, part_.columns.source_size);
      return hit ? source + from.at : nullptr;
    });
    const std::int64_t tap = (part_.rows.tap_first + r * part_.rows.tap_step) *
                                 static_cast<std::int64_t>(c_.columns.kernel) +
                             part_.columns.tap_first + s * part_.columns.tap_step;
    const std::int64_t row = filter_size(c_);
    const T* weights = c_.weights + part_.weights + tap * c_.source_channels + at_.inner;
    b_.fetch([&](int column) -> const T* {
      const std::int64_t d = part_.channel + column;
      return inside && d < c_.dest_channels ? weights + d * row : nullptr;
    });
  }

  __device__ void store(typename Tile::Slice& slice) {
    a_.store(slice.a);
    b_.store(slice.b);
  }

 private:
  const GatherConv<T>& c_;
  const Part& part_;
  const SourceRow* rows_;
  Nested at_;
  A a_;
  AlongDepth<Tile, Tile::n, Width> b_;
};

template <class Tile, class T>
__device__ void store_tile(const GatherConv<T>& c, const Part& part, const std::int64_t* dest,
                           const typename Tile::Sums& sums, bool packs) {
  constexpr int pack = Tile::pack_n;
#pragma unroll
  for (int i = 0; i < Tile::rows; ++i) {
    const std::int64_t at = dest[Tile::row(i)];
    if (at == no_row) continue;
#pragma unroll
    for (int j = 0; j < Tile::columns; j += pack) {
      const std::int64_t d = part.channel + Tile::column(j);
      T* to = c.dest.data + part.dest + at + d;
      if (packs) {
        Pack<T, pack> whole;
        for (int k = 0; k < pack; ++k) whole.v[k] = sums[i][j + k];
        if (d < c.dest_channels) store_pack<pack>(to, whole);
      } else {
        for (int k = 0; k < pack; ++k)
          if (d + k < c.dest_channels) to[k] = sums[i][j + k];
      }
    }
  }
}

template <class Tile, int Width>
__global__ void __launch_bounds__(Tile::threads, Tile::blocks_per_sm)
    gather_kernel(const __grid_constant__ GatherConv<typename Tile::Element> c,
                  const __grid_constant__ Layout layout) {
  __shared__ Shared<Tile> shared;
  for (std::int64_t block = blockIdx.x; block < layout.blocks; block += gridDim.x) {
    if (threadIdx.x == 0) shared.part = part_of<Tile>(c, layout, block);
    __syncthreads();
    const Part& part = shared.part;
    find_rows<Tile>(c, part, shared);
    Patches<Tile, Width> patches(c, part, shared.rows);
    typename Tile::Sums sums;
    multiply_tiles<Tile>(patches, part.end - part.begin, shared.buffers, sums);
    store_tile<Tile>(c, part, shared.dest, sums, layout.store_packs);
    __syncthreads();
  }
}

template <class T>
bool sources_take_packs(const GatherConv<T>& c) {
  return takes_packs(c.source.data, {c.source_channels, c.source.lane, c.source.batch, c.source.row,
                                     c.source.column}) &&
         takes_packs(c.weights, {c.weights_lane});
}

template <class T>
std::int64_t most_pixels(const GatherConv<T>& c) {
  return c.batch * most_positions(c.rows, c.transposed) * most_positions(c.columns, c.transposed);
}
// Products of matrices that share no results.
template <class T>
std::int64_t products(const GatherConv<T>& c) {
  return c.lanes * c.groups * phases(c.rows, c.transposed) * phases(c.columns, c.transposed);
}

template <class Tile, class T>
void run(std::string_view op, Stream& stream, GatherConv<T> c, const Tensor& dest) {
  Layout layout{tiles_m<Tile>(most_pixels(c)), tiles_n<Tile>(c.dest_channels)};
  const std::int64_t blocks = layout.tiles_m * layout.tiles_n * products(c);
  layout.parts = parts_for(blocks, filter_size(c) / Tile::depth, 16);
  layout.part_stride = dest.numel();
  layout.blocks = blocks * layout.parts;
  Tensor parts;
  if (layout.parts > 1) {
    parts = Tensor::empty({layout.parts, dest.numel()}, dest.dtype(), dest.device());
    c.dest.data = pointer<T>(stream, parts);
  }
  layout.store_packs = takes_packs(
      c.dest.data, {c.dest_channels, c.dest.lane, c.dest.batch, c.dest.row, c.dest.column});
  const Grid grid{std::min<std::int64_t>(layout.blocks, most_blocks), Tile::threads, 0};
  launch(op, stream, grid,
         sources_take_packs(c) ? gather_kernel<Tile, widest<T>> : gather_kernel<Tile, 1>, c,
         layout);
  if (layout.parts > 1) sum_parts<T>(op, stream, parts, dest);
}

}  // namespace

// The largest tile that still gives enough blocks: larger ones load less for each product.
template <class T>
void gather_conv(std::string_view op, Stream& stream, const GatherConv<T>& c, const Tensor& dest) {
  const std::int64_t m = most_pixels(c), n = c.dest_channels;
  const auto enough = [&](auto tile) {
    using Tile = decltype(tile);
    return tiles_m<Tile>(m) * tiles_n<Tile>(n) * products(c) >= busy_blocks / 2;
  };
  if constexpr (std::is_same_v<T, float>)
    if (conv_tf32() && n > 8) {
      using Large = TensorTile<128, 128, 64, 64, true>;
      using Medium = TensorTile<64, 64, 32, 32, true>;
      if (n > Medium::n && enough(Large{})) return run<Large>(op, stream, c, dest);
      return run<Medium>(op, stream, c, dest);
    }
  using Narrow = Tile<T, 128, 8, 4, 2>;
  using Tall = Tile<T, 128, 32, 8, 4>;
  using Large = Tile<T, 128, 128, 8, 8>;
  using Medium = Tile<T, 64, 64, 8, 4>;
  using Small = Tile<T, 32, 32, 4, 4>;
  if (n <= Narrow::n) return run<Narrow>(op, stream, c, dest);
  if (n <= Tall::n && enough(Tall{})) return run<Tall>(op, stream, c, dest);
  if constexpr (std::is_same_v<T, float>)  // in f64 its sums would not fit the registers
    if (n > Medium::n && enough(Large{})) return run<Large>(op, stream, c, dest);
  if (n > Tall::n && enough(Medium{})) return run<Medium>(op, stream, c, dest);
  run<Small>(op, stream, c, dest);
}

template void gather_conv<float>(std::string_view, Stream&, const GatherConv<float>&,
                                 const Tensor&);
template void gather_conv<double>(std::string_view, Stream&, const GatherConv<double>&,
                                  const Tensor&);

}  // namespace sonde::cuda
