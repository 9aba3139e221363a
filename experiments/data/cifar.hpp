/// @file
/// The binary format of CIFAR-10: records of one byte of label and 3072 bytes of image, 32 x 32 in
/// each of red, green and blue.
#pragma once

#include <cstdint>
#include <filesystem>

#include "tensor/file.hpp"
#include "tensor/tensor.hpp"

namespace sonde::experiments {

struct CifarBatch {
  Tensor images;  ///< u8 [n, 3, 32, 32]
  Tensor labels;  ///< u8 [n], 0 to 9
};

/// Reads one batch, plain or gzip. The file is taken for hostile: memory follows the bytes really
/// present, and is at most twice those. Error(file) if it cannot be read; Error(format) if it is
/// empty, ends within a record, or a label is above 9; Error(size) if it holds more than
/// `max_bytes`.
CifarBatch read_cifar(const std::filesystem::path& path,
                      std::int64_t max_bytes = std::int64_t{1} << 32);
/// The same from a stream.
CifarBatch read_cifar(ByteStream& file, std::int64_t max_bytes);

}  // namespace sonde::experiments
