/// @file
/// The safetensors format: a JSON header, then the tensors' bytes one behind the other. The rules
/// are those of the reference reader in Rust; the whole header is checked before the first tensor
/// is read.
#pragma once

#include <string>

#include "tensor/file.hpp"
#include "tensor/io_npz.hpp"

namespace sonde {

struct Safetensors {
  NamedTensors tensors;
  std::map<std::string, std::string> metadata;
};

/// Error(file), Error(format): header over 100 MB or past the end, not JSON of the right form, a
/// name twice, unknown types, more than 8 dimensions, sizes that overflow or do not match the
/// offsets, overlaps, holes, bytes left over; and, so that memory stays below twice the file's size
/// and 64 MiB, more than 65,536 tensors or items of metadata, or 4 MiB in one string.
Safetensors load_safetensors(const std::string& path);
/// The same from a stream.
Safetensors read_safetensors(ByteStream& in);

/// Writes larger element types first, then by name, as the reference writer does; the same bytes
/// each time. Error(file); Error(names) on a tensor called "__metadata__".
void save_safetensors(const std::string& path, const NamedTensors& tensors,
                      const std::map<std::string, std::string>& metadata = {});

}  // namespace sonde
