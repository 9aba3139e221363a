#include "tensor/cuda/reduce_plan.hpp"

#include <algorithm>
#include <bit>

namespace sonde::cuda {
namespace {

constexpr std::int64_t enough_blocks = 1024;  // to keep any device busy

std::int64_t ratio_up(std::int64_t a, std::int64_t b) {
  return a / b + (a % b != 0);
}

// Threads for a row: a few for a short one, a block for a long one or where rows are few.
int row_team(std::int64_t rows, std::int64_t size) {
  if (size <= 128) return 8;
  const bool few = rows < enough_blocks && size > 512;
  return few || size > 4096 ? reduce_threads : 32;
}

// Parts for `blocks` blocks, of which each should have at least `smallest` elements of the axis.
std::int64_t wanted_parts(std::int64_t blocks, std::int64_t size, std::int64_t smallest) {
  return std::min(enough_blocks / std::max<std::int64_t>(blocks, 1), size / smallest);
}

// The widest power of two that is not more than a warp needs to have `inner` columns beside each
// other; short axes need no second thread.
int columns_of(const ReduceStep& s) {
  constexpr std::int64_t worth_sharing = 64;
  if (s.reduced < worth_sharing) return reduce_threads;
  return static_cast<int>(
      std::bit_ceil(static_cast<std::uint64_t>(std::min<std::int64_t>(s.inner, 32))));
}

Grid grid_of(std::int64_t blocks) {
  return {std::clamp<std::int64_t>(blocks, 1, 1 << 20), reduce_threads, 0};
}

}  // namespace

Parts::Parts(std::int64_t size, std::int64_t wanted, std::int64_t unit)
    : part_size(ratio_up(ratio_up(size, std::max<std::int64_t>(wanted, 1)), unit) * unit) {
  if (part_size > 0) count = ratio_up(size, part_size);
}

RowsPlan::RowsPlan(const ReduceStep& s, bool in_packs)
    : rows(s.outer),
      size(s.reduced),
      step(s.outer_step),
      team(row_team(rows, size)),
      wide(in_packs),
      parts(size, team == reduce_threads ? wanted_parts(rows, size, 1 << 13) : 1, 256) {}

Grid RowsPlan::grid() const {
  return grid_of(ratio_up(rows * parts.count, reduce_threads / team));
}

ColumnsPlan::ColumnsPlan(const ReduceStep& s)
    : step(s),
      outputs(s.outer * s.inner),
      columns(columns_of(s)),
      parts(s.reduced,
            wanted_parts(ratio_up(outputs, columns), s.reduced,
                         std::int64_t{32} * (reduce_threads / columns)),
            reduce_threads / columns) {}

Grid ColumnsPlan::grid() const {
  return grid_of(ratio_up(outputs, columns) * parts.count);
}

}  // namespace sonde::cuda
