#include <cstring>

#include "io_cases.hpp"
#include "tensor/io_npy.hpp"
#include "tensor/io_npz.hpp"

namespace sonde {
namespace {

TEST(Npy, RoundTripsEveryKind) {
  const TempFolder dir;
  for (const Tensor& t : all_kinds()) {
    save_npy(dir / "t.npy", t);
    expect_same(load_npy(dir / "t.npy"), t);
  }
}

TEST(Npy, ReadsWhatNumPyWrote) {
  for (const char* name : {"f32", "f64", "i32", "i64", "u8", "f16", "bf16", "f32_big", "f64_big",
                           "i32_big", "i64_big", "f16_big", "version2", "version3"}) {
    const Tensor t = load_npy(fixture(std::string(name) + ".npy"));
    EXPECT_EQ(t.shape(), (Dims{2, 3})) << name;
    EXPECT_EQ(t.to_vector<double>(), (std::vector<double>{0, 1, 2, 3, 4, 5})) << name;
    const std::string type(name, std::strcspn(name, "_"));
    if (type[0] != 'v') EXPECT_EQ(to_string(t.dtype()), type) << name;
  }
  EXPECT_EQ(load_npy(fixture("bool.npy")).to_vector<double>(),
            (std::vector<double>{0, 1, 0, 1, 0, 1}));
  EXPECT_EQ(load_npy(fixture("rank0.npy")).item(), 7);
  EXPECT_EQ(load_npy(fixture("empty.npy")).shape(), (Dims{3, 0, 2}));
  const Tensor fortran = load_npy(fixture("fortran.npy"));
  EXPECT_EQ(fortran.strides(), (Dims{1, 2, 6}));
  expect_same(fortran, Tensor::arange(24, DType::f32).reshape({2, 3, 4}));
}

TEST(Npy, NanPayloadsSurvive) {
  const TempFolder dir;
  const std::uint32_t bits[] = {0x7fc12345u, 0xffa00001u, 0x7f800000u, 0x80000000u};
  Tensor t = Tensor::empty({4}, DType::f32);
  std::memcpy(t.bytes(), bits, sizeof bits);
  save_npy(dir / "t.npy", t);
  expect_same(load_npy(dir / "t.npy"), t);
}

std::string npy_file(const std::string& header, const std::string& data, char version = 1,
                     std::int64_t length = -1) {
  std::string out = "\x93NUMPY";
  out += {version, '\0'};
  const auto n =
      static_cast<std::uint64_t>(length < 0 ? static_cast<std::int64_t>(header.size()) : length);
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) out += static_cast<char>(n >> (8 * i) & 255);
  return out + header + data;
}

std::string dict(const std::string& shape, const std::string& type = "<f4",
                 const std::string& order = "False") {
  return "{'descr': '" + type + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
}

TEST(Npy, AcceptsOtherSpellingsOfTheHeader) {
  const std::string data(8, '\0');
  for (const std::string& header :
       {dict("(2,)"), dict("(2L,)"), dict("(1, 2)"), dict("(2,1)", "<f4", "True"),
        dict("(1,)", ">f8"),
        std::string("{\"shape\":(2,),\"descr\":\"<f4\",\"fortran_order\":False}"),
        dict("(8,)", "|b1"), dict("(8,)", "|u1"), dict("(4,)", "|V2")}) {
    const std::string file = npy_file(header, data);
    MemoryStream in(as_bytes(file));
    EXPECT_EQ(read_npy(in).numel() *
                  size_of(read_npy(*std::make_unique<MemoryStream>(as_bytes(file))).dtype()),
              8)
        << header;
  }
}

TEST(Npy, BoolsBecomeZeroOrOne) {
  const std::string file = npy_file(dict("(3,)", "|b1"), std::string("\0\2\377", 3));
  MemoryStream in(as_bytes(file));
  EXPECT_EQ(read_npy(in).to_vector<std::uint8_t>(), (std::vector<std::uint8_t>{0, 1, 1}));
}

TEST(Npy, EveryCutOfAFileIsRefused) {
  const std::string whole = read_bytes(fixture("f64.npy"));
  for (std::size_t n = 0; n < whole.size(); ++n) {
    const std::string cut = whole.substr(0, n);
    expect_refused(
        [&] {
          MemoryStream in(as_bytes(cut));
          read_npy(in);
        },
        "", "cut at " + std::to_string(n));
  }
}

TEST(Npz, RoundTripsEveryKind) {
  const TempFolder dir;
  NamedTensors tensors;
  for (const Tensor& t : all_kinds()) tensors["t" + std::to_string(tensors.size())] = t;
  tensors["name with / and \xc3\xa4"] = Tensor::scalar(1);
  for (bool compress : {false, true}) {
    if (compress)
      std::erase_if(tensors,
                    [](const auto& t) { return t.second.numel() > 1000; });  // zlib takes seconds
    save_npz(dir / "t.npz", tensors, compress);
    const NamedTensors got = load_npz(dir / "t.npz");
    ASSERT_EQ(got.size(), tensors.size());
    for (const auto& [name, t] : tensors) expect_same(got.at(name), t);
    const std::string first = read_bytes(dir / "t.npz");
    save_npz(dir / "t.npz", tensors, compress);
    EXPECT_EQ(read_bytes(dir / "t.npz"), first);
  }
  save_npz(dir / "none.npz", {});
  EXPECT_TRUE(load_npz(dir / "none.npz").empty());
  EXPECT_EQ(dir.count(), 2u);
}

TEST(Npz, ReadsWhatNumPyWrote) {
  for (const char* name : {"stored.npz", "deflated.npz"}) {
    const NamedTensors got = load_npz(fixture(name));
    EXPECT_EQ(got.at("weight").to_vector<double>(), (std::vector<double>{0, 1, 2, 3, 4, 5}));
    EXPECT_EQ(got.at("bias").to_vector<double>(), (std::vector<double>{0, 1, 2}));
    EXPECT_EQ(got.at("step").item(), 5);
  }
  EXPECT_EQ(load_npz(fixture("deflated.npz")).at("zeros").shape(), (Dims{1000, 1000}));
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

TEST(Npz, HostileFilesAreRefused) {
  const TempFolder dir;
  const std::string stored = read_bytes(fixture("stored.npz"));
  std::string flipped = stored;
  flipped[flipped.find("weight.npy") + 10 + 128 + 20 + 4] ^= 1;  // an element of the first array
  struct Case {
    std::string label, bytes, words;
  };
  const Case cases[] = {
      {"nothing", "", "memory"},
      {"no zip", std::string(100, 'x'), "zip"},
      {"claims 4 GiB", read_bytes(fixture("claims_4_gib.npz")), "bomb"},
      {"checksum", flipped, "CRC"},
      {"name twice", replaced(stored, "bias.npy", "step.npy"), "twice"},
      {"no .npy", replaced(stored, "bias.npy", "bias.txt"), "not an .npy file"},
      {"member is no .npy", replaced(stored, "NUMPY", "NUMPX"), "does not begin"},
      {"header larger than the member", replaced(stored, "(3,)", "(9,)"), "takes 72 bytes"},
  };
  for (const Case& c : cases) {
    expect_refused([&] { read_npz(as_bytes(c.bytes)); }, c.words, c.label);
    write_bytes(dir / "t.npz", c.bytes);
    expect_refused([&] { load_npz(dir / "t.npz"); }, c.words == "memory" ? "" : c.words, c.label);
  }
  expect_refused([&] { load_npz(fixture("deflated.npz"), {1000}); }, "beyond the limit", "limit");
  EXPECT_THROW(load_npz(dir / "missing.npz"), Error);
}

TEST(Npz, EveryCutAndEveryChangedByteGivesAValueOrAnError) {
  const std::string whole = read_bytes(fixture("stored.npz"));
  for (std::size_t n = 0; n < whole.size(); ++n) {
    const std::string cut = whole.substr(0, n);
    expect_refused([&] { read_npz(as_bytes(cut)); }, "", "cut at " + std::to_string(n));
    std::string changed = whole;
    changed[n] = static_cast<char>(changed[n] ^ 0xff);
    try {
      read_npz(as_bytes(changed));
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::format) << e.what();
    }
  }
}

}  // namespace
}  // namespace sonde
