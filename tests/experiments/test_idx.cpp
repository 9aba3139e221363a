// The IDX reader on good and on hostile files.
#include <gtest/gtest.h>

#include <fstream>

#include "experiments/data/idx.hpp"
#include "gzip_bytes.hpp"
#include "temp_folder.hpp"
#include "tensor/allocator.hpp"

namespace sonde::experiments {
namespace {

namespace fs = std::filesystem;

std::string header(std::initializer_list<std::uint32_t> sizes, char type = 0x08) {
  std::string out{'\0', '\0', type, static_cast<char>(sizes.size())};
  for (std::uint32_t s : sizes)
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(s >> shift);
  return out;
}

class Idx : public testing::Test {
 protected:
  fs::path plain(const std::string& bytes) {
    std::ofstream(folder.path() / "plain", std::ios::binary) << bytes;
    return folder.path() / "plain";
  }
  fs::path gzip(const std::string& bytes) {
    write_bytes(folder / "file.gz", gzipped(bytes));
    return folder.path() / "file.gz";
  }
  ErrorCode code(const fs::path& path, std::int64_t limit = 1 << 20) {
    try {
      read_idx(path, limit);
    } catch (const Error& e) {
      return e.code();
    }
    ADD_FAILURE() << "no error";
    return {};
  }
  TempFolder folder;
};

TEST_F(Idx, ReadsPlainAndGzip) {
  const std::string file = header({2, 3}) + std::string("\x00\x01\x02\x03\xfe\xff", 6);
  for (const fs::path& path : {plain(file), gzip(file)}) {
    const Tensor t = read_idx(path);
    EXPECT_EQ(t.shape(), (Dims{2, 3}));
    EXPECT_EQ(t.to_vector<std::int64_t>(), (std::vector<std::int64_t>{0, 1, 2, 3, 254, 255}));
  }
  EXPECT_EQ(read_idx(plain(header({0, 28, 28}))).shape(), (Dims{0, 28, 28}));
}

TEST_F(Idx, HostileFilesAreTypedErrors) {
  EXPECT_EQ(code(plain("")), ErrorCode::format);
  EXPECT_EQ(code(plain(std::string("\0\0", 2))), ErrorCode::format);
  EXPECT_EQ(code(plain("PK\x03\x04 not idx")), ErrorCode::format);
  EXPECT_EQ(code(plain(header({4}).substr(0, 6))), ErrorCode::format);
  EXPECT_EQ(code(plain(header({4}, 0x0D) + "abcd")), ErrorCode::format);                 // floats
  EXPECT_EQ(code(plain(header({}) + "a")), ErrorCode::format);                           // rank 0
  EXPECT_EQ(code(plain(header({1, 1, 1, 1, 1, 1, 1, 1, 1}) + "a")), ErrorCode::format);  // rank 9
  EXPECT_EQ(code(plain(header({4}) + "abc")), ErrorCode::format);                        // short
  EXPECT_EQ(code(plain(header({4}) + "abcde")), ErrorCode::format);                      // long
  EXPECT_EQ(code(plain(header({4'000'000'000u}) + "abc"), std::int64_t{1} << 32),
            ErrorCode::format);
  EXPECT_EQ(code(plain(header({4'000'000'000u}) + "abc")), ErrorCode::size);
  const std::uint32_t huge = 0xffffffffu;
  EXPECT_EQ(code(plain(header({huge, huge, huge}) + "abc")),
            ErrorCode::size);  // the product overflows
  EXPECT_EQ(code(plain(header({0, huge, huge, huge}))), ErrorCode::size);
  EXPECT_EQ(code(folder.path()), ErrorCode::file);
  EXPECT_EQ(code(folder.path() / "absent"), ErrorCode::file);
}

TEST_F(Idx, DamagedGzipIsATypedError) {
  std::string body = header({4000});
  for (int i = 0; i < 4000; ++i) body += static_cast<char>(i * 37 % 251);
  const fs::path path = gzip(body);
  std::ifstream in(path, std::ios::binary);
  const std::string good((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  ASSERT_GT(good.size(), 100u);
  for (std::size_t cut : {std::size_t{11}, good.size() / 2, good.size() - 9, good.size() - 1})
    EXPECT_EQ(code(plain(good.substr(0, cut))), ErrorCode::format) << cut;
  for (std::size_t at :
       {good.size() / 2, good.size() - 6}) {  // a byte of the data, a byte of the checksum
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x55);
    EXPECT_EQ(code(plain(bad)), ErrorCode::format) << at;
  }
}

TEST_F(Idx, ACompressedBombIsRefusedByItsHeader) {
  const std::int64_t before = current_bytes();
  reset_peak_bytes();
  EXPECT_EQ(code(gzip(header({64u << 20}) + std::string(64 << 20, '\0'))), ErrorCode::size);
  EXPECT_EQ(code(gzip(header({16}) + std::string(64 << 20, '\0'))), ErrorCode::format);
  EXPECT_LE(peak_bytes() - before, 1 << 20);
}

TEST_F(Idx, WhatFollowsAGzipMemberIsAMemberOrRefused) {
  const std::string file = header({4}) + "abcd";
  EXPECT_EQ(read_idx(plain(gzipped(file.substr(0, 3)) + gzipped(file.substr(3)))).numel(), 4);
  EXPECT_EQ(code(plain(gzipped(file) + "x")), ErrorCode::format);
  EXPECT_EQ(code(plain(gzipped(file) + "\x1f")), ErrorCode::format);
}

}  // namespace
}  // namespace sonde::experiments
