// Headers of safetensors files: each way in which the reference reader in Rust refuses one, and
// what readers in C and C++ have been broken with.
#include "tests/hostile/builders.hpp"
#include "tests/hostile/samples.hpp"

namespace sonde::hostile {
namespace {

std::string file(const std::string& header, std::size_t data, std::int64_t length = -1) {
  return safetensors_file(header, std::string(data, '\0'), length);
}

std::string entry(const std::string& name, const std::string& type, const std::string& shape,
                  const std::string& offsets) {
  return safetensors_entry(name, type, shape, offsets);
}

std::string one(const std::string& shape, const std::string& offsets, std::size_t data,
                const std::string& type = "F32") {
  return file("{" + entry("a", type, shape, offsets) + "}", data);
}

std::vector<Sample> hostile() {
  const std::string a = entry("a", "F32", "[2]", "[0,8]");
  const std::string deep = "{\"a\":" + std::string(3000, '[');
  return {
      {"nothing", "", "ends early"},
      {"seven bytes", std::string(7, '\0'), "ends early"},
      {"header too large", file("{}", 0, 100'000'001), "at most 100000000"},
      {"length + 8 wraps", file("{}", 0, -8), "at most"},
      {"length past the end", file("{}", 0, 3), "the file has 2"},
      {"empty header", file("", 0), "begin with '{'"},
      {"white space first", file(" {}", 0), "begin with '{'"},
      {"list", file("[]", 0), "begin with '{'"},
      {"not JSON", file("{\"a\"", 0), "not JSON"},
      {"text after", file("{}x", 0), "not JSON"},
      {"bad UTF-8", file("{" + entry("\xff", "F32", "[2]", "[0,8]") + "}", 8), "not JSON"},
      {"name twice", file("{" + a + "," + a + "}", 8), "comes twice"},
      {"field twice",
       file("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8),
       "comes twice"},
      {"metadata twice", file("{\"__metadata__\":{},\"__metadata__\":{}}", 0), "comes twice"},
      {"metadata key twice", file("{\"__metadata__\":{\"x\":\"1\",\"x\":\"2\"}}", 0),
       "comes twice"},
      {"metadata not text", file("{\"__metadata__\":{\"x\":1}}", 0), "a number"},
      {"metadata nested", file("{\"__metadata__\":{\"x\":{}}}", 0), "an object"},
      {"metadata null", file("{\"__metadata__\":null}", 0), "null"},
      {"tensor is text", file("{\"a\":\"x\"}", 0), "a string"},
      {"field missing", file("{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8), "lacks"},
      {"field unknown",
       file("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"x\":1}}", 8),
       "unknown field"},
      {"type unknown", file("{" + entry("a", "F8_E4M3", "[8]", "[0,8]") + "}", 8), "not supported"},
      {"type not text", file("{\"a\":{\"dtype\":3,\"shape\":[2],\"data_offsets\":[0,8]}}", 8),
       "a number"},
      {"negative size", file("{" + entry("a", "F32", "[-2]", "[0,8]") + "}", 8), "negative"},
      {"fraction", file("{" + entry("a", "F32", "[2.0]", "[0,8]") + "}", 8), "fraction"},
      {"huge size", file("{" + entry("a", "F32", "[9223372036854775808]", "[0,8]") + "}", 8),
       "too large"},
      {"beyond 64 bits",
       file("{" + entry("a", "F32", "[99999999999999999999999]", "[0,8]") + "}", 8), "fraction"},
      {"shape nested", file("{" + entry("a", "F32", "[[2]]", "[0,8]") + "}", 8), "a list"},
      {"rank 9", file("{" + entry("a", "U8", "[1,1,1,1,1,1,1,1,8]", "[0,8]") + "}", 8),
       "8 dimensions"},
      {"product wraps to 0",
       file("{" + entry("a", "F32", "[4294967296,4294967296]", "[0,0]") + "}", 0), "overflows"},
      {"bytes wrap", file("{" + entry("a", "F32", "[4611686018427387905]", "[0,4]") + "}", 4),
       "overflows"},
      {"size and offsets differ", file("{" + entry("a", "F32", "[3]", "[0,8]") + "}", 8),
       "takes 12 bytes"},
      {"one offset", file("{" + entry("a", "F32", "[2]", "[8]") + "}", 8), "two numbers"},
      {"three offsets", file("{" + entry("a", "F32", "[2]", "[0,8,9]") + "}", 8), "two numbers"},
      {"offsets reversed", file("{" + entry("a", "F32", "[2]", "[8,0]") + "}", 8),
       "byte 0 is next"},
      {"hole in front", file("{" + entry("a", "F32", "[2]", "[4,12]") + "}", 12), "byte 0 is next"},
      {"hole between", file("{" + a + "," + entry("b", "F32", "[1]", "[12,16]") + "}", 16),
       "byte 8 is next"},
      {"overlap", file("{" + a + "," + entry("b", "F32", "[2]", "[4,12]") + "}", 12),
       "byte 8 is next"},
      {"same bytes twice", file("{" + a + "," + entry("b", "F32", "[2]", "[0,8]") + "}", 8),
       "byte 8 is next"},
      {"past the end", file("{" + a + "}", 4), "the file has 4"},
      {"bytes left over", file("{" + a + "}", 12), "the file has 12"},
      {"100000 deep", file(deep, 0), "a list"},
      {"offset beyond", file("{" + entry("a", "F32", "[2]", "[0,18446744073709551615]") + "}", 8),
       "too large"},
      {"a size of 2^31", one("[2147483648]", "[0,4]", 4), "takes 8589934592 bytes"},
      {"a size of 2^32", one("[4294967296]", "[0,0]", 0), "takes 17179869184 bytes"},
      {"2^63 elements", one("[2147483648,4294967296]", "[0,0]", 0), "overflows"},
      {"2^64 bytes", one("[2147483648,2147483648]", "[0,0]", 0, "F64"), "overflows"},
      {"zero beside an overflow", one("[0,4294967296,4294967296]", "[0,0]", 0), "overflows"},
      {"2^32 in eight places",
       one("[4294967296,4294967296,4294967296,4294967296,4294967296,4294967296,4294967296,0]",
           "[0,0]", 0),
       "overflows"},
      {"end wraps", one("[2]", "[18446744073709551608,0]", 8), "too large"},
      {"begin near 2^63", one("[2]", "[9223372036854775800,9223372036854775807]", 8),
       "byte 0 is next"},
      {"length + 5 wraps", file("{}", 0, -5), "at most"},
      {"length of 2^63", file("{}", 0, INT64_MIN), "at most"},
      {"deep objects", file(repeated("{\"a\":", 500), 0), "unknown field"},
      {"metadata is a list", file("{\"__metadata__\":[]}", 0), "a list"},
      {"name with a lone surrogate", file("{\"\\ud800\":{}}", 0), "not JSON"},
      {"zip behind the tensors", one("[2]", "[0,8]", 8) + "PK\3\4", "the file has 12"},
  };
}

std::vector<Sample> good() {
  std::vector<Sample> out{
      {"no tensor", file("{}", 0)},
      {"empty metadata", file("{\"__metadata__\":{}}    ", 0)},
      {"metadata", file("{\"__metadata__\":{\"format\":\"pt\",\"a\\nb\":\"\\u00e4\"}}", 0)},
      {"scalar", one("[]", "[0,4]", 4)},
      {"eight dimensions", one("[1,2,1,2,1,1,2,1]", "[0,32]", 32)},
      {"zero elements", one("[0,4294967296]", "[0,0]", 0)},
      {"bools", safetensors_file("{" + entry("a", "BOOL", "[4]", "[0,4]") + "}", counting(4))},
      {"any order",
       file("{" + entry("b", "F32", "[1]", "[4,8]") + "," + entry("none", "F64", "[0,3]", "[4,4]") +
                "," + entry("a", "I32", "[]", "[0,4]") + "}",
            8)},
  };
  const std::pair<const char*, int> types[] = {{"F64", 8},  {"F32", 4}, {"I64", 8}, {"I32", 4},
                                               {"BF16", 2}, {"F16", 2}, {"U8", 1}};
  for (const auto& [type, width] : types) {
    const int bytes = 6 * width;
    out.push_back(
        {type, safetensors_file(
                   "{" + entry("x", type, "[2,3]", "[0," + std::to_string(bytes) + "]") + "}",
                   counting(static_cast<std::size_t>(bytes)))});
  }
  return out;
}

}  // namespace

std::vector<Sample> safetensors_samples() {
  std::vector<Sample> out = good();
  for (Sample& s : hostile()) out.push_back(std::move(s));
  return out;
}

}  // namespace sonde::hostile
