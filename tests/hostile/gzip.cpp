// Gzip files, RFC 1952.
#include "gzip_bytes.hpp"
#include "tests/hostile/builders.hpp"
#include "tests/hostile/samples.hpp"

namespace sonde::hostile {
namespace {

constexpr char text_flag = 1, crc_flag = 2, extra_flag = 4, name_flag = 8, comment_flag = 16;

// A gzip file whose header has `flags` and after its ten bytes `fields`.
std::string with_fields(const std::string& packed, char flags, const std::string& fields) {
  std::string out = packed;
  out[3] = flags;
  return out.substr(0, 10) + fields + out.substr(10);
}

// A gzip file around one stored block of deflate (RFC 1951, 3.2.4).
std::string stored(const std::string& bytes, std::uint64_t length, std::uint64_t complement) {
  return std::string("\x1f\x8b\x08\0\0\0\0\0\0\xff\1", 11) + little_endian(length, 2) +
         little_endian(complement, 2) + bytes;
}

std::vector<Sample> good() {
  const std::string text = "the quick brown fox\n", packed = gzipped(text);
  return {
      {"plain text", text},
      {"nothing", ""},
      {"plain byte 1f", "\x1f"},
      {"plain 1f 8a", "\x1f\x8a"},
      {"plain zeros", std::string(100, '\0')},
      {"text", packed},
      {"of nothing", gzipped("")},
      {"counting", gzipped(counting(1000))},
      {"two members", packed + packed},
      {"fifty empty members", repeated(gzipped(""), 50)},
      {"of gzip", gzipped(packed)},
      {"text flag", with_fields(packed, text_flag, "")},
      {"name", with_fields(packed, name_flag, std::string("name\0", 5))},
      {"comment", with_fields(packed, comment_flag, std::string("words\0", 6))},
      {"name and comment", with_fields(packed, name_flag | comment_flag, std::string("n\0c\0", 4))},
      {"path as a name", with_fields(packed, name_flag, std::string("../../etc/passwd\0", 17))},
      {"extra field", with_fields(packed, extra_flag, std::string("\4\0abcd", 6))},
      {"empty extra field", with_fields(packed, extra_flag, std::string(2, '\0'))},
      {"1 MB of zeros", gzipped(std::string(1 << 20, '\0'))},
      {"limit reached", gzipped(std::string(2 << 20, '\0'))},
  };
}

std::vector<Sample> hostile() {
  const std::string packed = gzipped("the quick brown fox\n");
  return {
      {"beyond the limit", gzipped(std::string((2 << 20) + 1, '\0')), "limit", ErrorCode::size},
      {"two members beyond the limit", repeated(gzipped(std::string(1 << 20, '\0')), 3), "limit",
       ErrorCode::size},
      {"only the magic", "\x1f\x8b", "ends early"},
      {"followed by a byte", packed + "x", "follows the compressed data"},
      {"followed by zeros", packed + std::string(512, '\0'), "follows the compressed data"},
      {"followed by 1f", packed + "\x1f", "ends early"},
      {"followed by a wrong magic", packed + "\x1f\x8a", "incorrect header check"},
      {"followed by a cut member", packed + packed.substr(0, 15), "ends early"},
      {"method 7", replaced(packed, "\x8b\x08", "\x8b\x07"), "unknown compression method"},
      {"reserved flags", with_fields(packed, '\xe0', ""), "unknown header flags"},
      {"name without an end", with_fields(packed, name_flag, "").substr(0, 12), "ends early"},
      {"extra field past the end", with_fields(packed, extra_flag, "\xff\xff"), "ends early"},
      {"wrong header checksum", with_fields(packed, crc_flag, "ab"), "header crc mismatch"},
      {"stored block", stored("abc", 3, 0xfffc) + "12345678", "incorrect data check"},
      {"stored block, wrong complement", stored("abc", 3, 3), "invalid stored block lengths"},
      {"stored block past the end", stored("abc", 0xffff, 0), "ends early"},
      {"block type 3", std::string("\x1f\x8b\x08\0\0\0\0\0\0\xff\7", 11), "invalid block type"},
      {"too many lengths", std::string("\x1f\x8b\x08\0\0\0\0\0\0\xff\xfd\xff\xff", 13),
       "too many length"},
      {"wrong length", packed.substr(0, packed.size() - 1) + '\1', "incorrect length check"},
      {"length of 4 GiB", packed.substr(0, packed.size() - 4) + "\xff\xff\xff\xff",
       "incorrect length check"},
  };
}

}  // namespace

std::vector<Sample> gzip_samples() {
  std::vector<Sample> out = good();
  for (Sample& s : hostile()) out.push_back(std::move(s));
  const std::string packed = gzipped("the quick brown fox\n");
  for (std::size_t n = 3; n < packed.size(); n += 2)
    out.push_back({"cut to " + std::to_string(n), packed.substr(0, n), "ends early"});
  const std::string zeros = gzipped(std::string(5000, '\0'));
  for (std::size_t n = 12; n < zeros.size() && out.size() < 64; ++n)
    out.push_back({"zeros cut to " + std::to_string(n), zeros.substr(0, n), "ends early"});
  return out;
}

}  // namespace sonde::hostile
