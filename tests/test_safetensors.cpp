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
