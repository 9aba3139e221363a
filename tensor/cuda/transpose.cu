#include "tensor/cuda/transpose.hpp"

#include <algorithm>

#include "tensor/cuda/elementwise_plan.hpp"
#include "tensor/cuda/launch.hpp"

namespace sonde::cuda {
namespace {

constexpr int tile = 32, tile_rows = 8;  // a block has tile x tile_rows threads

// Axis 0 is the inner one of the output, axis 1 that of the input; the others count the matrices.
// Tiles are numbered along axis 1, axis 0, then matrix by matrix.
struct Matrices {
  std::int64_t size[2], in[2], out[2];
  Divider tiles[2];
  int outer = 0;
  Divider outer_size[max_rank];
  std::int64_t outer_in[max_rank], outer_out[max_rank];
};

template <class Word>
__global__ void __launch_bounds__(tile* tile_rows)
    transpose_kernel(Matrices m, std::int64_t tiles, const std::byte* in, std::byte* out) {
  __shared__ Word shared[tile][tile + 1];  // the odd width spreads a column over all banks
  const int x = static_cast<int>(threadIdx.x) % tile, y = static_cast<int>(threadIdx.x) / tile;
  for (std::int64_t t = blockIdx.x; t < tiles; t += gridDim.x) {
    auto rest = static_cast<std::uint32_t>(t);
    const std::int64_t first1 = std::int64_t{m.tiles[1].split(rest)} * tile,
                       first0 = std::int64_t{m.tiles[0].split(rest)} * tile;
    std::int64_t from = first0 * m.in[0] + first1 * m.in[1],
                 to = first0 * m.out[0] + first1 * m.out[1];
    for (int i = 0; i < m.outer; ++i) {
      const std::int64_t index = m.outer_size[i].split(rest);
      from += index * m.outer_in[i];
      to += index * m.outer_out[i];
    }
    const std::int64_t left0 = m.size[0] - first0, left1 = m.size[1] - first1;
#pragma unroll
    for (int i = 0, r = y; i < tile; i += tile_rows, r += tile_rows)
      if (r < left0 && x < left1)
        shared[r][x] = *reinterpret_cast<const Word*>(in + from + r * m.in[0] + x * m.in[1]);
    __syncthreads();
#pragma unroll
    for (int i = 0, r = y; i < tile; i += tile_rows, r += tile_rows)
      if (x < left0 && r < left1)
        *reinterpret_cast<Word*>(out + to + x * m.out[0] + r * m.out[1]) = shared[x][r];
    __syncthreads();  // before the next tile
  }
}

std::int64_t tiles_along(std::int64_t size) {
  return (size + tile - 1) / tile;
}

Matrices matrices_of(const Walk& walk, int axis) {
  Matrices m;
  const int inner[] = {0, axis};
  for (int i = 0; i < 2; ++i) {
    m.size[i] = walk.size[inner[i]];
    m.out[i] = walk.stride[inner[i]][0];
    m.in[i] = walk.stride[inner[i]][1];
    m.tiles[i] = Divider(static_cast<std::uint32_t>(tiles_along(m.size[i])));
  }
  for (int i = 1; i < walk.rank; ++i) {
    if (i == axis) continue;
    m.outer_size[m.outer] = Divider(static_cast<std::uint32_t>(walk.size[i]));
    m.outer_out[m.outer] = walk.stride[i][0];
    m.outer_in[m.outer++] = walk.stride[i][1];
  }
  return m;
}

template <class Word>
void run(Stream& stream, const Walk& walk, int axis) {
  std::int64_t tiles = tiles_along(walk.size[0]) * tiles_along(walk.size[axis]);
  for (int i = 1; i < walk.rank; ++i)
    if (i != axis) tiles *= walk.size[i];
  const Grid grid{std::min(tiles, most_blocks), tile * tile_rows};
  launch("copy", stream, grid, transpose_kernel<Word>, matrices_of(walk, axis), tiles, walk.base[1],
         walk.base[0]);
}

}  // namespace

void transposing_copy(Stream& stream, const Walk& walk, int axis) {
  for (const Walk& part : cut(walk, 1)) {  // tiles are numbered in 31 bits
    switch (walk.width[0]) {
      case 1:
        run<std::uint8_t>(stream, part, axis);
        break;
      case 2:
        run<std::uint16_t>(stream, part, axis);
        break;
      case 4:
        run<std::uint32_t>(stream, part, axis);
        break;
      default:
        run<std::uint64_t>(stream, part, axis);
    }
  }
}

}  // namespace sonde::cuda
