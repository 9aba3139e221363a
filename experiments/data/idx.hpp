/// @file
/// The IDX format of MNIST and its relatives: two zero bytes, an element type, a rank, big-endian
/// sizes, the elements.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "tensor/file.hpp"
#include "tensor/tensor.hpp"

namespace sonde::experiments {

/// Reads a file of unsigned bytes, plain or gzip, as u8 with the file's shape. The file is taken
/// for hostile: sizes are checked before anything is allocated, memory follows the bytes really
/// present, and a file that is shorter or longer than its header says is refused. Error(file) if it
/// cannot be read, Error(format) on its contents, Error(size) if it holds more than `max_bytes`.
Tensor read_idx(const std::filesystem::path& path, std::int64_t max_bytes = std::int64_t{1} << 32);
/// The same from a stream.
Tensor read_idx(ByteStream& file, std::int64_t max_bytes);

/// Images u8 [n, channels, height, width] and their labels u8 [n].
struct IdxPair {
  Tensor images, labels;
};

/// The files `part`-images*-ubyte, of rank 3 (then channels is 1) or 4, and `part`-labels*-ubyte of
/// a folder; nothing if both are missing. Error(data) if one is, Error(format) if they do not
/// belong together.
std::optional<IdxPair> read_idx_pair(const std::filesystem::path& folder, const std::string& part);

}  // namespace sonde::experiments
