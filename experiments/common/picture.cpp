#include "experiments/common/picture.hpp"

#include <zlib.h>

#include "tensor/error.hpp"

namespace sonde::experiments {
namespace {

std::string big_endian(std::uint32_t word) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(word >> shift & 0xffu);
  return out;
}

const Bytef* as_bytes(std::string_view text) {
  return reinterpret_cast<const Bytef*>(text.data());
}

std::string chunk(std::string_view type, std::string_view data) {
  const std::string body = std::string(type).append(data);
  const auto sum = crc32(0, as_bytes(body), static_cast<uInt>(body.size()));
  return big_endian(static_cast<std::uint32_t>(data.size())) + body +
         big_endian(static_cast<std::uint32_t>(sum));
}

std::string deflated(std::string_view data) {
  uLongf size = compressBound(data.size());
  std::string out(size, '\0');
  if (compress2(reinterpret_cast<Bytef*>(out.data()), &size, as_bytes(data), data.size(),
                Z_BEST_COMPRESSION) != Z_OK)
    fail(ErrorCode::memory, "png", "zlib has no memory for {} bytes", data.size());
  out.resize(size);
  return out;
}

}  // namespace

std::string png(const Picture& p) {
  const auto row = static_cast<std::size_t>(p.columns) * static_cast<std::size_t>(p.channels);
  if (p.rows < 1 || p.columns < 1 || (p.channels != 1 && p.channels != 3) ||
      p.bytes.size() != row * static_cast<std::size_t>(p.rows))
    fail(ErrorCode::shape, "png", "{} x {} pixels of {} channels have {} bytes", p.rows, p.columns,
         p.channels, p.bytes.size());
  std::string scanlines;  // each begins with the number of its filter
  for (std::size_t at = 0; at < p.bytes.size(); at += row)
    scanlines.append(1, '\0').append(reinterpret_cast<const char*>(&p.bytes[at]), row);
  const std::string header = big_endian(static_cast<std::uint32_t>(p.columns)) +
                             big_endian(static_cast<std::uint32_t>(p.rows)) + '\x08' +
                             (p.channels == 1 ? '\x00' : '\x02') + std::string(3, '\0');
  return "\x89PNG\r\n\x1a\n" + chunk("IHDR", header) + chunk("IDAT", deflated(scanlines)) +
         chunk("IEND", "");
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::string_view three = bytes.substr(i, 3);
    std::uint32_t word = 0;
    for (std::size_t k = 0; k < 3; ++k)
      word = word << 8 | (k < three.size() ? static_cast<unsigned char>(three[k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k)
      out += k <= three.size() ? alphabet[word >> (18 - 6 * k) & 63u] : '=';
  }
  return out;
}

}  // namespace sonde::experiments
