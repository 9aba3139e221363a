// IDX files, plain and gzip.
#include "gzip_bytes.hpp"
#include "tests/hostile/builders.hpp"
#include "tests/hostile/samples.hpp"

namespace sonde::hostile {
namespace {

std::string header(const std::vector<std::uint32_t>& sizes, char type = 0x08) {
  std::string out{'\0', '\0', type, static_cast<char>(sizes.size())};
  for (std::uint32_t s : sizes)
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(s >> shift);
  return out;
}

std::vector<Sample> plain() {
  constexpr std::uint32_t huge = 0xffffffffu, half = 0x80000000u;
  std::vector<Sample> out{
      {"labels", header({10}) + counting(10)},
      {"images", header({2, 3, 4}) + counting(24)},
      {"no images", header({0, 28, 28})},
      {"eight dimensions", header({1, 1, 2, 1, 1, 2, 1, 1}) + counting(4)},
      {"nothing", "", "ends early"},
      {"two bytes", std::string(2, '\0'), "ends early"},
      {"other file", "PK\3\4 not idx", "not an IDX file"},
      {"no sizes", header({4}).substr(0, 4), "ends early"},
      {"half a size", header({4}).substr(0, 6), "ends early"},
      {"rank 0", header({}) + "a", "rank 0"},
      {"rank 9", header({1, 1, 1, 1, 1, 1, 1, 1, 1}) + "a", "rank 9"},
      {"rank 255", std::string("\0\0\x08\xff", 4) + std::string(1020, '\1'), "rank 255"},
      {"one byte short", header({4}) + "abc", "takes 4 bytes"},
      {"one byte long", header({4}) + "abcde", "something follows"},
      {"4 GB claimed", header({4'000'000'000u}) + "abc", "limit", ErrorCode::size},
      {"1 MB claimed", header({1'000'000u}) + "abc", "takes 1000000 bytes"},
      {"product of 2^62", header({half, half}) + "abc", "limit", ErrorCode::size},
      {"product of 2^63", header({half, half, 2}) + "abc", "overflows", ErrorCode::size},
      {"product wraps to 0", header({half, half, 4}), "overflows", ErrorCode::size},
      {"product wraps to 1", header({huge, huge, huge}) + "a", "overflows", ErrorCode::size},
      {"zero beside an overflow", header({0, huge, huge, huge}), "overflows", ErrorCode::size},
  };
  for (char type : {0x00, 0x07, 0x09, 0x0B, 0x0C, 0x0D, 0x0E})
    out.push_back({"type " + std::to_string(type), header({4}, type) + counting(32), "only 0x08"});
  return out;
}

std::vector<Sample> compressed() {
  const std::string good = header({2, 300}) + counting(600), packed = gzipped(good);
  std::string flipped = packed;
  flipped[packed.size() - 6] ^= 1;  // of the checksum
  std::vector<Sample> out{
      {"gzip followed by text", packed + "text", "follows the compressed data"},
      {"gzip of gzip", gzipped(packed), "not an IDX file"},
      {"gzip with a wrong checksum", flipped, "incorrect data check"},
      {"gzip without its end", packed.substr(0, packed.size() - 1), "ends early"},
      {"gzip in two members", gzipped(good.substr(0, 7)) + gzipped(good.substr(7))},
      {"gzip bomb of 2 MB", gzipped(header({16}) + std::string(2 << 20, '\0')),
       "something follows"},
      {"gzip bomb that claims 2 MB", gzipped(header({2 << 20}) + std::string(1 << 20, '\0')),
       "are left"},
  };
  for (Sample s : plain()) {
    s.name = "gzip of " + s.name;
    if (s.words.starts_with("takes")) s.words = "";  // how much is left is not known of gzip
    s.bytes = gzipped(s.bytes);
    out.push_back(std::move(s));
  }
  return out;
}

}  // namespace

std::vector<Sample> idx_samples() {
  std::vector<Sample> out = plain();
  for (Sample& s : compressed()) out.push_back(std::move(s));
  return out;
}

}  // namespace sonde::hostile
