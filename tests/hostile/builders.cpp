#include "tests/hostile/builders.hpp"

#include <fmt/format.h>
#include <xxhash.h>
#include <zlib.h>

#include <algorithm>
#include <cctype>

#include "tests/hostile/samples.hpp"

namespace sonde::hostile {

std::string seed_name(const Sample& sample) {
  std::string out = sample.name;
  std::ranges::replace_if(
      out, [](unsigned char c) { return !std::isalnum(c) && c != '-'; }, '_');
  return out;
}

std::string little_endian(std::uint64_t value, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += static_cast<char>(value >> (8 * i) & 255);
  return out;
}

std::string counting(std::size_t n) {
  std::string out;
  for (std::size_t i = 0; i < n; ++i) out += static_cast<char>(i);
  return out;
}

std::string repeated(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

std::string safetensors_file(const std::string& header, const std::string& data,
                             std::int64_t length) {
  const auto n = length == -1 ? header.size() : static_cast<std::uint64_t>(length);
  return little_endian(n, 8) + header + data;
}

std::string safetensors_entry(const std::string& name, const std::string& type,
                              const std::string& shape, const std::string& offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + type + "\",\"shape\":" + shape +
         ",\"data_offsets\":" + offsets + "}";
}

std::string npy_file(const std::string& header, const std::string& data, char version,
                     std::int64_t length) {
  const auto n = length < 0 ? header.size() : static_cast<std::uint64_t>(length);
  return std::string("\x93NUMPY") + version + '\0' + little_endian(n, version == 1 ? 2 : 4) +
         header + data;
}

std::string npy_dict(const std::string& shape, const std::string& type, const std::string& order) {
  return "{'descr': '" + type + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
}

namespace {

std::string raw_deflated(const std::string& bytes) {
  z_stream stream{};
  deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::uint64_t or_else(std::int64_t claimed, std::uint64_t truth) {
  return claimed < 0 ? truth : static_cast<std::uint64_t>(claimed);
}

}  // namespace

std::string zip_file(const std::vector<ZipMember>& members, const ZipEnd& end) {
  std::string out, directory;
  for (const ZipMember& m : members) {
    const std::string data = m.deflated ? raw_deflated(m.content) : m.content;
    const auto crc = crc32(0, reinterpret_cast<const Bytef*>(m.content.data()),
                           static_cast<uInt>(m.content.size()));
    const std::string common =
        little_endian(20, 2) + little_endian(static_cast<std::uint64_t>(m.flags), 2) +
        little_endian(or_else(m.method, m.deflated ? 8 : 0), 2) + little_endian(0x00210000, 4) +
        little_endian(or_else(m.claimed_crc, crc), 4) + little_endian(data.size(), 4) +
        little_endian(or_else(m.claimed_size, m.content.size()), 4) +
        little_endian(m.name.size(), 2) + little_endian(0, 2);
    directory += "PK\1\2" + little_endian(20, 2) + common + std::string(10, '\0') +
                 little_endian(or_else(m.offset, out.size()), 4) + m.name;
    out += "PK\3\4" + common + m.name + data;
  }
  const std::uint64_t count = or_else(end.members, members.size()),
                      size = or_else(end.directory_size, directory.size()),
                      offset = or_else(end.directory_offset, out.size()),
                      wide_at = out.size() + directory.size();
  out += directory;
  if (end.wide)
    out += "PK\6\6" + little_endian(44, 8) + little_endian(45, 2) + little_endian(45, 2) +
           std::string(8, '\0') + little_endian(count, 8) + little_endian(count, 8) +
           little_endian(size, 8) + little_endian(offset, 8) + "PK\6\7" + std::string(4, '\0') +
           little_endian(wide_at, 8) + little_endian(1, 4);
  out += "PK\5\6" + std::string(4, '\0') + little_endian(end.wide ? 0xffff : count, 2) +
         little_endian(end.wide ? 0xffff : count, 2) + little_endian(end.wide ? ~0u : size, 4) +
         little_endian(end.wide ? ~0u : offset, 4) + little_endian(end.comment.size(), 2) +
         end.comment;
  return out;
}

std::string xxh3(const std::string& bytes) {
  return fmt::format("{:016x}", XXH3_64bits(bytes.data(), bytes.size()));
}

}  // namespace sonde::hostile
