/// @file
/// Picture: a small image of bytes, as figures show it, and its PNG.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sonde::experiments {

struct Picture {
  std::int64_t rows = 0, columns = 0;
  int channels = 1;                   ///< 1 (grey) or 3 (red, green, blue)
  std::vector<std::uint8_t> bytes{};  ///< [rows, columns, channels]
};

/// The PNG file of a picture (ISO/IEC 15948; eight bits a channel, no filter). Error(shape) if the
/// bytes are not as many as its sizes say.
std::string png(const Picture& picture);

/// Base64 of `bytes` (RFC 4648, with padding).
std::string base64(std::string_view bytes);

}  // namespace sonde::experiments
