#include "io_cases.hpp"
#include "tensor/io_safetensors.hpp"

namespace sonde {
namespace {

TEST(Safetensors, RoundTripsEveryKind) {
  const TempFolder dir;
  NamedTensors tensors;
  for (const Tensor& t : all_kinds()) tensors["t" + std::to_string(tensors.size())] = t;
  tensors["quote \" and \xc3\xa4"] = Tensor::scalar(1);
  const std::map<std::string, std::string> metadata{{"format", "pt"}, {"a\nb", "\\"}};
  save_safetensors(dir / "t", tensors, metadata);
  const Safetensors got = load_safetensors(dir / "t");
  EXPECT_EQ(got.metadata, metadata);
  ASSERT_EQ(got.tensors.size(), tensors.size());
  for (const auto& [name, t] : tensors) expect_same(got.tensors.at(name), t);
  save_safetensors(dir / "none", {});
  EXPECT_TRUE(load_safetensors(dir / "none").tensors.empty());
}

TEST(Safetensors, ReadsAndWritesTheBytesOfTheReference) {
  const TempFolder dir;
  const Safetensors s = load_safetensors(fixture("all.safetensors"));
  for (const char* name : {"f32", "f64", "i32", "i64", "u8", "f16", "bf16"}) {
    EXPECT_EQ(to_string(s.tensors.at(name).dtype()), name);
    EXPECT_EQ(s.tensors.at(name).to_vector<double>(), (std::vector<double>{0, 1, 2, 3, 4, 5}));
  }
  EXPECT_EQ(s.tensors.at("bool").to_vector<double>(), (std::vector<double>{0, 1, 0, 1, 0, 1}));
  EXPECT_EQ(s.tensors.at("scalar").item(), 7);
  EXPECT_EQ(s.tensors.at("empty").shape(), (Dims{0, 4}));
  EXPECT_EQ(s.metadata.at("format"), "pt");
  save_safetensors(dir / "t", s.tensors, s.metadata);
  EXPECT_EQ(read_bytes(dir / "t"), read_bytes(fixture("all.safetensors")));
}

std::string file_of(const std::string& header, std::size_t data, std::int64_t length = -1) {
  std::string out;
  const auto n =
      static_cast<std::uint64_t>(length == -1 ? static_cast<std::int64_t>(header.size()) : length);
  for (int i = 0; i < 8; ++i) out += static_cast<char>(n >> (8 * i) & 255);
  return out + header + std::string(data, '\0');
}

std::string entry(const std::string& name, const std::string& type, const std::string& shape,
                  const std::string& offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + type + "\",\"shape\":" + shape +
         ",\"data_offsets\":" + offsets + "}";
}

Safetensors read(const std::string& bytes) {
  MemoryStream in(as_bytes(bytes));
  return read_safetensors(in);
}

TEST(Safetensors, AcceptsWhatTheFormatAllows) {
  EXPECT_EQ(read(file_of("{}", 0)).tensors.size(), 0u);
  EXPECT_EQ(read(file_of("{\"__metadata__\":{}}    ", 0)).tensors.size(), 0u);
  // Zero-size tensors at a border, entries in any order, bools that are neither 0 nor 1.
  const auto s = read(file_of("{" + entry("b", "F32", "[1]", "[4,8]") + "," +
                                  entry("none", "F64", "[0,3]", "[4,4]") + "," +
                                  entry("a", "I32", "[]", "[0,4]") + "}",
                              8));
  EXPECT_EQ(s.tensors.size(), 3u);
}

TEST(Safetensors, HostileFilesAreRefused) {
  struct Case {
    std::string label, bytes, words;
  };
  const std::string a = entry("a", "F32", "[2]", "[0,8]");
  std::string deep = "{\"a\":", close;
  for (int i = 0; i < 100000; ++i) deep += "[";
  const Case cases[] = {
      {"nothing", "", "ends early"},
      {"seven bytes", std::string(7, '\0'), "ends early"},
      {"header too large", file_of("{}", 0, 100'000'001), "at most 100000000"},
      {"length + 8 wraps", file_of("{}", 0, -8), "at most"},
      {"length past the end", file_of("{}", 0, 3), "the file has 2"},
      {"empty header", file_of("", 0), "begin with '{'"},
      {"white space first", file_of(" {}", 0), "begin with '{'"},
      {"list", file_of("[]", 0), "begin with '{'"},
      {"not JSON", file_of("{\"a\"", 0), "not JSON"},
      {"text after", file_of("{}x", 0), "not JSON"},
      {"bad UTF-8", file_of("{" + entry("\xff", "F32", "[2]", "[0,8]") + "}", 8), "not JSON"},
      {"name twice", file_of("{" + a + "," + a + "}", 8), "comes twice"},
      {"field twice",
       file_of("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,8]}}",
               8),
       "comes twice"},
      {"metadata twice", file_of("{\"__metadata__\":{},\"__metadata__\":{}}", 0), "comes twice"},
      {"metadata key twice", file_of("{\"__metadata__\":{\"x\":\"1\",\"x\":\"2\"}}", 0),
       "comes twice"},
      {"metadata not text", file_of("{\"__metadata__\":{\"x\":1}}", 0), "a number"},
      {"metadata nested", file_of("{\"__metadata__\":{\"x\":{}}}", 0), "an object"},
      {"metadata null", file_of("{\"__metadata__\":null}", 0), "null"},
      {"tensor is text", file_of("{\"a\":\"x\"}", 0), "a string"},
      {"field missing", file_of("{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8), "lacks"},
      {"field unknown",
       file_of("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"x\":1}}", 8),
       "unknown field"},
      {"type unknown", file_of("{" + entry("a", "F8_E4M3", "[8]", "[0,8]") + "}", 8),
       "not supported"},
      {"type not text", file_of("{\"a\":{\"dtype\":3,\"shape\":[2],\"data_offsets\":[0,8]}}", 8),
       "a number"},
      {"negative size", file_of("{" + entry("a", "F32", "[-2]", "[0,8]") + "}", 8), "negative"},
      {"fraction", file_of("{" + entry("a", "F32", "[2.0]", "[0,8]") + "}", 8), "fraction"},
      {"huge size", file_of("{" + entry("a", "F32", "[9223372036854775808]", "[0,8]") + "}", 8),
       "too large"},
      {"beyond 64 bits",
       file_of("{" + entry("a", "F32", "[99999999999999999999999]", "[0,8]") + "}", 8), "fraction"},
      {"shape nested", file_of("{" + entry("a", "F32", "[[2]]", "[0,8]") + "}", 8), "a list"},
      {"rank 9", file_of("{" + entry("a", "U8", "[1,1,1,1,1,1,1,1,8]", "[0,8]") + "}", 8),
       "8 dimensions"},
      {"product wraps to 0",
       file_of("{" + entry("a", "F32", "[4294967296,4294967296]", "[0,0]") + "}", 0), "overflows"},
      {"bytes wrap", file_of("{" + entry("a", "F32", "[4611686018427387905]", "[0,4]") + "}", 4),
       "overflows"},
      {"size and offsets differ", file_of("{" + entry("a", "F32", "[3]", "[0,8]") + "}", 8),
       "takes 12 bytes"},
      {"one offset", file_of("{" + entry("a", "F32", "[2]", "[8]") + "}", 8), "two numbers"},
      {"three offsets", file_of("{" + entry("a", "F32", "[2]", "[0,8,9]") + "}", 8), "two numbers"},
      {"offsets reversed", file_of("{" + entry("a", "F32", "[2]", "[8,0]") + "}", 8),
       "byte 0 is next"},
      {"hole in front", file_of("{" + entry("a", "F32", "[2]", "[4,12]") + "}", 12),
       "byte 0 is next"},
      {"hole between", file_of("{" + a + "," + entry("b", "F32", "[1]", "[12,16]") + "}", 16),
       "byte 8 is next"},
      {"overlap", file_of("{" + a + "," + entry("b", "F32", "[2]", "[4,12]") + "}", 12),
       "byte 8 is next"},
      {"same bytes twice", file_of("{" + a + "," + entry("b", "F32", "[2]", "[0,8]") + "}", 8),
       "byte 8 is next"},
      {"past the end", file_of("{" + a + "}", 4), "the file has 4"},
      {"bytes left over", file_of("{" + a + "}", 12), "the file has 12"},
      {"100000 deep", file_of(deep, 0), "a list"},
      {"offset beyond",
       file_of("{" + entry("a", "F32", "[2]", "[0,18446744073709551615]") + "}", 8), "too large"},
  };
  for (const Case& c : cases) expect_refused([&] { read(c.bytes); }, c.words, c.label);
}

TEST(Safetensors, EveryCutAndEveryChangedByteGivesAValueOrAnError) {
  const std::string whole = read_bytes(fixture("all.safetensors"));
  for (std::size_t n = 0; n < whole.size(); ++n) {
    expect_refused([&] { read(whole.substr(0, n)); }, "", "cut at " + std::to_string(n));
    for (char mask : {'\x01', '\x10', '\xff'}) {
      std::string changed = whole;
      changed[n] = static_cast<char>(changed[n] ^ mask);
      try {
        read(changed);
      } catch (const Error& e) {
        EXPECT_EQ(e.code(), ErrorCode::format) << e.what();
      }
    }
  }
}

TEST(Safetensors, SavingChecksNames) {
  const TempFolder dir;
  EXPECT_THROW(save_safetensors(dir / "t", {{"__metadata__", Tensor::scalar(1)}}), Error);
  EXPECT_THROW(save_safetensors(dir / "t", {{"\xff", Tensor::scalar(1)}}), Error);
  EXPECT_EQ(dir.count(), 0u);
}

}  // namespace
}  // namespace sonde
