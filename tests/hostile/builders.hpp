// Files from their parts, right or wrong.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sonde::hostile {

/// `n` bytes of `value`, the lowest first.
std::string little_endian(std::uint64_t value, int n);
/// Bytes 0, 1, 2, ... 255, 0, ...
std::string counting(std::size_t n);
std::string repeated(const std::string& text, int times);
std::string replaced(std::string text, const std::string& from, const std::string& to);

/// A safetensors file; `length` is what it says of its header, -1: the truth.
std::string safetensors_file(const std::string& header, const std::string& data,
                             std::int64_t length = -1);
/// One tensor's part of such a header.
std::string safetensors_entry(const std::string& name, const std::string& type,
                              const std::string& shape, const std::string& offsets);

std::string npy_file(const std::string& header, const std::string& data, char version = 1,
                     std::int64_t length = -1);
std::string npy_dict(const std::string& shape, const std::string& type = "<f4",
                     const std::string& order = "False");

/// A member of a zip archive. What the archive says of it is the truth unless given.
struct ZipMember {
  std::string name, content;
  bool deflated = false;
  std::int64_t claimed_size = -1, claimed_crc = -1, method = -1, flags = 0, offset = -1;
};
struct ZipEnd {
  std::int64_t members = -1, directory_size = -1, directory_offset = -1;
  std::string comment = {};
  bool wide = false;  ///< with a zip64 record, which then holds the numbers
};
std::string zip_file(const std::vector<ZipMember>& members, const ZipEnd& end = {});

/// XXH3 as 16 hexadecimal digits.
std::string xxh3(const std::string& bytes);

}  // namespace sonde::hostile
