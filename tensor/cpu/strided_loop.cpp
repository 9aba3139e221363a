#include "tensor/cpu/strided_loop.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "tensor/cpu/transpose.hpp"
#include "tensor/parallel.hpp"

namespace sonde::cpu {
namespace {

// Sizes and byte strides of all operands, innermost axis first.
struct Plan {
  int rank = 0, operands = 0;
  std::array<std::int64_t, max_rank> size{};
  std::array<std::array<std::int64_t, max_operands>, max_rank> stride{};
  std::array<std::byte*, max_operands> base{};
  std::array<std::int64_t, max_operands> width{};  // bytes of an element
};

void add_operand(Plan& plan, const Tensor& t, const Dims& shape) {
  const int k = plan.operands++, missing = shape.rank() - t.rank();
  const std::int64_t width = size_of(t.dtype());
  plan.base[static_cast<std::size_t>(k)] = t.bytes();
  plan.width[static_cast<std::size_t>(k)] = width;
  for (int i = missing; i < shape.rank(); ++i) {
    const int axis = shape.rank() - 1 - i;  // innermost first
    const bool broadcast = t.shape()[i - missing] == 1;
    plan.stride[axis][k] = broadcast ? 0 : t.strides()[i - missing] * width;
  }
}

// Does axis b lie further out than axis a? Compared operand by operand, the output first.
bool outer(const Plan& plan, int a, int b) {
  for (int k = 0; k < plan.operands; ++k) {
    const std::int64_t x = std::abs(plan.stride[a][k]), y = std::abs(plan.stride[b][k]);
    if (x != y && x != 0 && y != 0) return x < y;
  }
  return true;
}

void order_axes(Plan& plan) {
  for (int i = 1; i < plan.rank; ++i)
    for (int j = i; j > 0 && !outer(plan, j - 1, j); --j) {
      std::swap(plan.size[j], plan.size[j - 1]);
      std::swap(plan.stride[j], plan.stride[j - 1]);
    }
}

// Drops axes of size 1 and merges an axis into the one inside it when every operand walks them as
// one.
void coalesce(Plan& plan) {
  int last = -1;
  for (int i = 0; i < plan.rank; ++i) {
    if (plan.size[i] == 1) continue;
    bool merge = last >= 0;
    for (int k = 0; merge && k < plan.operands; ++k)
      merge = plan.stride[i][k] == plan.stride[last][k] * plan.size[last];
    if (merge) {
      plan.size[last] *= plan.size[i];
    } else {
      ++last;
      plan.size[last] = plan.size[i];
      plan.stride[last] = plan.stride[i];
    }
  }
  plan.rank = last + 1;
}

// Inner axis in one call, the others by an odometer; `begin .. end` counts rows.
void run_rows(const Plan& plan, Loop loop, const double* params, std::int64_t begin,
              std::int64_t end) {
  std::array<std::byte*, max_operands> ptr = plan.base;
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

void run_flat(const Plan& plan, Loop loop, const double* params, std::int64_t begin,
              std::int64_t end) {
  std::array<std::byte*, max_operands> ptr = plan.base;
  for (int k = 0; k < plan.operands; ++k) ptr[k] += begin * plan.stride[0][k];
  loop(ptr.data(), plan.stride[0].data(), end - begin, params);
}

// An input *crosses* the loop if neighbours along the inner axis have no cache line in common, but
// neighbours along another axis do: row by row, each element would cost a line of which the rows
// after it want the rest. Such inputs are read in tiles, transposed into a buffer.
constexpr std::int64_t cache_line = 64, tile_rows = 32, tile_columns = 128, least_tile = 8;

bool crosses(const Plan& plan, int axis, int k) {
  const std::int64_t along = std::abs(plan.stride[0][k]), across = std::abs(plan.stride[axis][k]);
  return along >= cache_line && across != 0 && 2 * across <= cache_line;
}

// The axis that is to be the rows of tiles; 0 if no input crosses the loop.
int crossed_axis(const Plan& plan) {
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

void run_tile(const Plan& plan, int axis, std::array<std::byte*, max_operands> ptr, Loop loop,
              const double* params, std::int64_t rows, std::int64_t columns) {
  alignas(cache_line) std::byte buffer[max_operands][tile_rows * tile_columns * 8];
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
void run_tiles(const Plan& plan, int axis, Loop loop, const double* params, std::int64_t grain) {
  const std::int64_t down = (plan.size[axis] + tile_rows - 1) / tile_rows,
                     right = (plan.size[0] + tile_columns - 1) / tile_columns;
  std::int64_t tiles = down * right;
  for (int i = 1; i < plan.rank; ++i)
    if (i != axis) tiles *= plan.size[i];
  const auto run = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t tile = begin; tile < end; ++tile) {
      const std::int64_t row = tile % down * tile_rows, column = tile / down % right * tile_columns;
      std::int64_t rest = tile / down / right;
      std::array<std::byte*, max_operands> ptr = plan.base;
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

// All operands row-major and of the output's shape: one flat loop, nothing to plan.
bool all_flat(std::span<const Tensor> in, const Tensor& out) {
  if (!out.is_contiguous()) return false;
  for (const Tensor& t : in)
    if (!(t.shape() == out.shape()) || !(t.strides() == out.strides())) return false;
  return true;
}

}  // namespace

void strided_loop(std::span<const Tensor> in, const Tensor& out, Loop loop, const double* params,
                  std::int64_t grain) {
  const std::int64_t n = out.numel();
  if (n == 0) return;
  Plan plan;
  if (all_flat(in, out)) {
    plan.rank = 1;
    plan.size[0] = n;
    plan.operands = static_cast<int>(in.size()) + 1;
    plan.base[0] = out.bytes();
    plan.stride[0][0] = size_of(out.dtype());
    for (std::size_t k = 0; k < in.size(); ++k) {
      plan.base[k + 1] = in[k].bytes();
      plan.stride[0][k + 1] = size_of(in[k].dtype());
    }
  } else {
    plan.rank = out.rank();
    for (int i = 0; i < plan.rank; ++i) plan.size[i] = out.shape()[plan.rank - 1 - i];
    add_operand(plan, out, out.shape());
    for (const Tensor& t : in) add_operand(plan, t, out.shape());
    order_axes(plan);
    coalesce(plan);
  }
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
