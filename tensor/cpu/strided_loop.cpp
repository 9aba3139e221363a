#include "tensor/cpu/strided_loop.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "tensor/cpu/transpose.hpp"
#include "tensor/parallel.hpp"
#include "tensor/walk.hpp"

namespace sonde::cpu {
namespace {

// Inner axis in one call, the others by an odometer; `begin .. end` counts rows.
void run_rows(const Walk& plan, Loop loop, const double* params, std::int64_t begin,
              std::int64_t end) {
  std::array<std::byte*, Walk::max_operands> ptr = plan.base;
  std::array<std::int64_t, max_rank> index{};
  for (std::int64_t rest = begin, i = 1; i < plan.rank; ++i) {
    index[i] = rest % plan.size[i];
    rest /= plan.size[i];
    for (int k = 0; k < plan.operands; ++k) ptr[k] += index[i] * plan.stride[i][k];
  }
  for (std::int64_t row = begin; row < end; ++row) {
    loop(ptr.data(), plan.stride[0].data(), plan.size[0], params);
    for (int i = 1; i < plan.rank; ++i) {
      const bool carry = ++index[i] == plan.size[i];
      const std::int64_t move = carry ? 1 - plan.size[i] : 1;
      for (int k = 0; k < plan.operands; ++k) ptr[k] += move * plan.stride[i][k];
      if (!carry) break;
      index[i] = 0;
    }
  }
}

void run_flat(const Walk& plan, Loop loop, const double* params, std::int64_t begin,
              std::int64_t end) {
  std::array<std::byte*, Walk::max_operands> ptr = plan.base;
  for (int k = 0; k < plan.operands; ++k) ptr[k] += begin * plan.stride[0][k];
  loop(ptr.data(), plan.stride[0].data(), end - begin, params);
}

// An input *crosses* the loop if neighbours along the inner axis have no cache line in common, but
// neighbours along another axis do: row by row, each element would cost a line of which the rows
// after it want the rest. Such inputs are read in tiles, transposed into a buffer.
constexpr std::int64_t cache_line = 64, tile_rows = 32, tile_columns = 128, least_tile = 8;

bool crosses(const Walk& plan, int axis, int k) {
  const std::int64_t along = std::abs(plan.stride[0][k]), across = std::abs(plan.stride[axis][k]);
  return along >= cache_line && across != 0 && 2 * across <= cache_line;
}

// The axis that is to be the rows of tiles; 0 if no input crosses the loop.
int crossed_axis(const Walk& plan) {
  if (plan.rank < 2 || plan.size[0] < least_tile) return 0;
  for (int k = 1; k < plan.operands; ++k)
    for (int axis = 1; axis < plan.rank; ++axis)
      if (plan.size[axis] >= least_tile && crosses(plan, axis, k)) return axis;
  return 0;
}

// to[r][c] = the element at r * across + c * along.
template <class T>
void pack_elements(const std::byte* from, std::int64_t across, std::int64_t along,
                   std::int64_t rows, std::int64_t columns, std::byte* to) {
  T* packed = reinterpret_cast<T*>(to);
  if constexpr (sizeof(T) >= 4) {
    if (across == sizeof(T))
      return transpose(columns, rows, reinterpret_cast<const T*>(from),
                       along / static_cast<std::int64_t>(sizeof(T)), packed, columns);
  }
  for (std::int64_t c = 0; c < columns; ++c)
    for (std::int64_t r = 0; r < rows; ++r)
      std::memcpy(packed + r * columns + c, from + c * along + r * across, sizeof(T));
}

// Any type is moved as another of the same width.
void pack(const std::byte* from, std::int64_t across, std::int64_t along, std::int64_t rows,
          std::int64_t columns, std::int64_t width, std::byte* to) {
  switch (width) {
    case 1:
      return pack_elements<std::uint8_t>(from, across, along, rows, columns, to);
    case 2:
      return pack_elements<std::uint16_t>(from, across, along, rows, columns, to);
    case 4:
      return pack_elements<float>(from, across, along, rows, columns, to);
    default:
      return pack_elements<double>(from, across, along, rows, columns, to);
  }
}

void run_tile(const Walk& plan, int axis, std::array<std::byte*, Walk::max_operands> ptr, Loop loop,
              const double* params, std::int64_t rows, std::int64_t columns) {
  alignas(cache_line) std::byte buffer[Walk::max_operands][tile_rows * tile_columns * 8];
  auto along = plan.stride[0], across = plan.stride[axis];
  for (int k = 1; k < plan.operands; ++k) {
    if (!crosses(plan, axis, k)) continue;
    pack(ptr[k], across[k], along[k], rows, columns, plan.width[k], buffer[k]);
    ptr[k] = buffer[k];
    along[k] = plan.width[k];
    across[k] = columns * plan.width[k];
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    loop(ptr.data(), along.data(), columns, params);
    for (int k = 0; k < plan.operands; ++k) ptr[k] += across[k];
  }
}

// Tiles of the inner axis and `axis`, the latter's first: they read on where the last one ended.
void run_tiles(const Walk& plan, int axis, Loop loop, const double* params, std::int64_t grain) {
  const std::int64_t down = (plan.size[axis] + tile_rows - 1) / tile_rows,
                     right = (plan.size[0] + tile_columns - 1) / tile_columns;
  std::int64_t tiles = down * right;
  for (int i = 1; i < plan.rank; ++i)
    if (i != axis) tiles *= plan.size[i];
  const auto run = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t tile = begin; tile < end; ++tile) {
      const std::int64_t row = tile % down * tile_rows, column = tile / down % right * tile_columns;
      std::int64_t rest = tile / down / right;
      std::array<std::byte*, Walk::max_operands> ptr = plan.base;
      const auto move = [&](int i, std::int64_t steps) {
        for (int k = 0; k < plan.operands; ++k) ptr[k] += steps * plan.stride[i][k];
      };
      move(0, column);
      move(axis, row);
      for (int i = 1; i < plan.rank; ++i) {
        if (i == axis) continue;
        move(i, rest % plan.size[i]);
        rest /= plan.size[i];
      }
      run_tile(plan, axis, ptr, loop, params, std::min(tile_rows, plan.size[axis] - row),
               std::min(tile_columns, plan.size[0] - column));
    }
  };
  parallel_for(tiles, std::max<std::int64_t>(1, grain / (tile_rows * tile_columns)), run);
}

}  // namespace

void strided_loop(std::span<const Tensor> in, const Tensor& out, Loop loop, const double* params,
                  std::int64_t grain) {
  const std::int64_t n = out.numel();
  if (n == 0) return;
  const Walk plan = walk_of(in, out);
  if (plan.rank == 0) return loop(plan.base.data(), plan.stride[0].data(), 1, params);
  if (const int axis = crossed_axis(plan); axis != 0)
    return run_tiles(plan, axis, loop, params, grain);
  const std::int64_t rows = n / plan.size[0];
  if (rows == 1) {
    parallel_for(n, grain,
                 [&](std::int64_t b, std::int64_t e) { run_flat(plan, loop, params, b, e); });
  } else {
    const std::int64_t row_grain = std::max<std::int64_t>(1, grain / plan.size[0]);
    parallel_for(rows, row_grain,
                 [&](std::int64_t b, std::int64_t e) { run_rows(plan, loop, params, b, e); });
  }
}

}  // namespace sonde::cpu
