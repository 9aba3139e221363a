/// @file
/// How reductions are laid out over a device: a function of the sizes alone, so that sums have the
/// same bits on every device.
#pragma once

#include "tensor/cuda/launch.hpp"
#include "tensor/reduce_steps.hpp"

namespace sonde::cuda {

inline constexpr int reduce_threads = 256;  ///< of a block

/// An axis in parts of `part_size` elements; the last may be shorter.
struct Parts {
  std::int64_t count = 1, part_size = 0;
  /// At most `wanted` parts (at least one) of a multiple of `unit` elements.
  Parts(std::int64_t size, std::int64_t wanted, std::int64_t unit);
  constexpr std::int64_t begin(std::int64_t part) const { return part * part_size; }
  constexpr std::int64_t end(std::int64_t part, std::int64_t size) const {
    return part_size < size - begin(part) ? begin(part) + part_size : size;
  }
};

/// Rows of neighbouring elements, one (or one part of it) for each team of threads.
struct RowsPlan {
  std::int64_t rows, size, step;
  int team;
  bool wide;  ///< read in packs
  Parts parts;
  RowsPlan(const ReduceStep& s, bool wide);
  Grid grid() const;
};

/// Anything else: each block has `columns` (a power of two) neighbouring outputs, and its threads
/// share the reduced axis.
struct ColumnsPlan {
  ReduceStep step;
  std::int64_t outputs;
  int columns;
  Parts parts;
  explicit ColumnsPlan(const ReduceStep& s);
  Grid grid() const;
};

}  // namespace sonde::cuda
