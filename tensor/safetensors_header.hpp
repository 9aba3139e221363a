/// @file
/// The JSON header of a safetensors file.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tensor/dtype.hpp"

namespace sonde {

struct SafetensorsEntry {
  std::string name;
  DType dtype = DType::f32;
  Dims shape;
  std::int64_t begin = 0, end = 0;  // bytes, from the end of the header
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  // by position in the file
  std::map<std::string, std::string> metadata;
};

/// Reads and checks a header for `data_bytes` bytes of data; Error(format) naming `file`.
SafetensorsHeader parse_safetensors_header(const std::string& text, std::int64_t data_bytes,
                                           const std::string& file);

/// The format's name of a type.
std::string_view safetensors_name(DType t);

}  // namespace sonde
