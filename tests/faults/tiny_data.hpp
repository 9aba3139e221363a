/// @file
/// Files of data sets, a few kilobytes small.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <string>

#include "temp_folder.hpp"

namespace sonde::faults {

/// An IDX file: the magic number, the sizes, and digits that repeat with a period of ten.
inline std::string idx_bytes(std::initializer_list<int> sizes) {
  std::string out{'\0', '\0', '\x08', static_cast<char>(sizes.size())};
  int count = 1;
  for (int s : sizes) {
    out += {'\0', '\0', static_cast<char>(s >> 8), static_cast<char>(s)};
    count *= s;
  }
  for (int i = 0; i < count; ++i) out += static_cast<char>(i % 10);
  return out;
}

/// A folder "mnist" of images of 8 x 8 pixels.
inline void write_tiny_mnist(const std::filesystem::path& folder) {
  const std::filesystem::path set = folder / "mnist";
  std::filesystem::create_directory(set);
  write_bytes(set / "train-images-idx3-ubyte", idx_bytes({60, 8, 8}));
  write_bytes(set / "train-labels-idx1-ubyte", idx_bytes({60}));
  write_bytes(set / "t10k-images-idx3-ubyte", idx_bytes({20, 8, 8}));
  write_bytes(set / "t10k-labels-idx1-ubyte", idx_bytes({20}));
}

}  // namespace sonde::faults
