// The reader of CIFAR-10's binary batches, on written files and on the real ones.
#include "experiments/data/cifar.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "gzip_bytes.hpp"
#include "temp_folder.hpp"
#include "tensor/allocator.hpp"

namespace sonde::experiments {
namespace {

constexpr std::int64_t record = 3073;

// Record i has label i % 10, and byte p of its image is (i + p) % 256.
std::string batch(int n) {
  std::string out;
  for (int i = 0; i < n; ++i) {
    out += static_cast<char>(i % 10);
    for (int p = 0; p < record - 1; ++p) out += static_cast<char>(i + p);
  }
  return out;
}

CifarBatch read(const std::string& bytes, std::int64_t limit = 1 << 20) {
  MemoryStream in(std::as_bytes(std::span(bytes)));
  return read_cifar(in, limit);
}

ErrorCode refusal(const std::string& bytes, std::int64_t limit = 1 << 20) {
  try {
    read(bytes, limit);
  } catch (const Error& e) {
    return e.code();
  }
  ADD_FAILURE() << "was accepted";
  return {};
}

TEST(Cifar, ReadsPlainAndGzip) {
  const TempFolder folder;
  for (const std::string& file : {batch(12), gzipped(batch(12))}) {
    write_bytes(folder / "batch", file);
    const CifarBatch b = read_cifar(folder / "batch");
    ASSERT_EQ(b.images.shape(), (Dims{12, 3, 32, 32}));
    ASSERT_EQ(b.labels.shape(), (Dims{12}));
    EXPECT_EQ(b.images.dtype(), DType::u8);
    for (std::int64_t i : {0, 3, 11}) {
      EXPECT_EQ(b.labels.at({i}), static_cast<double>(i % 10));
      for (std::int64_t c : {0, 2})
        for (std::int64_t y : {0, 17})
          EXPECT_EQ(b.images.at({i, c, y, 31}),
                    static_cast<double>((i + c * 1024 + y * 32 + 31) % 256));
    }
  }
}

TEST(Cifar, HostileFilesAreTypedErrors) {
  const std::string good = batch(3), packed = gzipped(good);
  std::string label_ten = good;
  label_ten[record] = 10;
  for (const std::string& bad :
       {std::string(), std::string(1, '\0'), good.substr(1), good + '\0',
        good.substr(0, record - 1), label_ten, gzipped(""), gzipped(good + '\0'),
        gzipped(label_ten), packed.substr(0, packed.size() / 2),
        packed.substr(0, packed.size() - 1), packed + "after", packed.substr(0, 2)})
    EXPECT_EQ(refusal(bad), ErrorCode::format) << bad.size() << " bytes";
  EXPECT_EQ(refusal(good, 3 * record - 1), ErrorCode::size);
  EXPECT_EQ(refusal(packed, 3 * record - 1), ErrorCode::size);
  EXPECT_EQ(read(packed, 3 * record).labels.numel(), 3);
}

TEST(Cifar, SeveralGzipMembersAreOneFile) {
  const std::string all = batch(4),
                    split = gzipped(all.substr(0, 5000)) + gzipped("") + gzipped(all.substr(5000));
  EXPECT_EQ(read(split).images.to_vector<std::int64_t>(),
            read(all).images.to_vector<std::int64_t>());
}

TEST(Cifar, ABombTakesNoMoreThanItsLimit) {
  const std::string bomb = gzipped(std::string(64 << 20, '\0'));
  ASSERT_LT(bomb.size(), 100'000u);
  const std::int64_t before = current_bytes();
  reset_peak_bytes();
  EXPECT_EQ(refusal(bomb, 8 << 20), ErrorCode::size);
  EXPECT_LE(peak_bytes() - before, 16 << 20);
}

TEST(Cifar, TheFilesThatCannotBeReadAreFileErrors) {
  const TempFolder folder;
  for (const std::string& path : {folder.path().string(), folder / "absent"}) {
    try {
      read_cifar(path);
      ADD_FAILURE() << path;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::file) << e.what();
    }
  }
}

// Counts of the labels, and the first pixels, as published with the data set.
TEST(Cifar, ReadsTheFirstRealBatch) {
  const char* folder = std::getenv("SONDE_DATA_DIR");
  const std::string path = std::string(folder ? folder : "") + "/cifar-10/data_batch_1.bin.gz";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not there";
  const CifarBatch b = read_cifar(path);
  ASSERT_EQ(b.images.shape(), (Dims{10000, 3, 32, 32}));
  std::vector<int> counts(10);
  for (std::int64_t label : b.labels.to_vector<std::int64_t>())
    ++counts[static_cast<std::size_t>(label)];
  EXPECT_EQ(counts, (std::vector{1005, 974, 1032, 1016, 999, 937, 1030, 1001, 1025, 981}));
  EXPECT_EQ(b.labels.at({0}), 6);
  EXPECT_EQ(b.images.at({0, 0, 0, 0}), 59);
  EXPECT_EQ(b.images.at({0, 0, 0, 1}), 43);
}

}  // namespace
}  // namespace sonde::experiments
