/// @file
/// TileFolder: a symmetric matrix of blocks that is larger than memory, as files of tiles.
#pragma once

#include <algorithm>
#include <string>

#include "analysis/linear_map.hpp"

namespace sonde {

/// A symmetric kernel between `rows` items in tiles of `tile` items each; an element is a matrix
/// [block, block] (block 1 for a traced kernel). Tiles on and above the diagonal are files
/// tile_I_J.npy, [n, m, block, block], written whole or not at all.
class TileFolder {
 public:
  /// Opens or makes the folder. Error(file).
  explicit TileFolder(std::string path);

  /// Says what the tiles are of. An empty folder notes it; Error(usage) if this one notes another
  /// kernel: take another folder, or remove it.
  void describe(const std::string& kernel, std::int64_t rows, std::int64_t block, std::int64_t tile,
                DType dtype);
  std::int64_t rows() const { return rows_; }
  std::int64_t block() const { return block_; }
  /// Tiles along a side.
  std::int64_t tiles() const { return tile_ ? (rows_ + tile_ - 1) / tile_ : 0; }
  /// The first item of tile i, and the one behind its last.
  std::int64_t begin(std::int64_t i) const { return i * tile_; }
  std::int64_t end(std::int64_t i) const { return std::min(rows_, (i + 1) * tile_); }

  /// Whether the tile is there, for i <= j.
  bool has(std::int64_t i, std::int64_t j) const;
  void put(std::int64_t i, std::int64_t j, const Tensor& tile);
  /// For any i and j: below the diagonal the transposed one. Error(file, format).
  Tensor get(std::int64_t i, std::int64_t j) const;

  /// The whole kernel [rows, rows, block, block].
  Tensor assembled() const;
  /// The kernel as a matrix [rows * block, rows * block] that is read tile by tile for each
  /// product, which is computed on `device`. The folder must stay as it is.
  LinearMap map(Device device = {}) const;

 private:
  std::string file(std::int64_t i, std::int64_t j) const;

  std::string path_;
  std::int64_t rows_ = 0, block_ = 0, tile_ = 0;
  DType dtype_ = DType::f64;
};

}  // namespace sonde
