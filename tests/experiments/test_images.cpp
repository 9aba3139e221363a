// Data sets by name and by folder: what is present, what is missing, and what stands in for it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "experiments/data/images.hpp"
#include "temp_folder.hpp"
#include "tensor/error.hpp"

namespace sonde::experiments {
namespace {

// A batch of CIFAR-10's format: `n` images of one colour each, which names the batch, of the
// classes 0, 1, 2, ...
std::string batch(int n, char colour) {
  std::string out;
  for (int i = 0; i < n; ++i) out += static_cast<char>(i % 10) + std::string(3072, colour);
  return out;
}

std::string idx(std::initializer_list<int> sizes, const std::string& bytes) {
  std::string out{0, 0, 8, static_cast<char>(sizes.size())};
  for (const int size : sizes) out += {0, 0, 0, static_cast<char>(size)};
  return out + bytes;
}

// The grey level, 0 to 255, that every pixel of an image has.
float level(const ImageSet& set, std::int64_t i) {
  const float* pixels = set.images.data<float>() + i * (set.images.numel() / set.size());
  return (pixels[0] + 1) * 127.5f;
}

// Whether all images have this level.
bool all_of_level(const ImageSet& set, float expected) {
  for (std::int64_t i = 0; i < set.size(); ++i)
    if (std::abs(level(set, i) - expected) > 0.01) return false;
  return true;
}

ImageData load(const TempFolder& folder, std::int64_t train, std::int64_t test) {
  return load_images({.data = folder.path(), .data_dir = {}, .train = train, .test = test});
}

ErrorCode code(const TempFolder& folder, std::int64_t train = 0, std::int64_t test = 0) {
  try {
    load(folder, train, test);
    ADD_FAILURE() << "was loaded";
  } catch (const Error& e) {
    return e.code();
  }
  return {};
}

bool says(const ImageData& data, std::string_view words) {
  return data.description.find(words) != std::string::npos;
}

TEST(Images, APartialSetIsUsedAndNamed) {
  TempFolder folder;
  write_bytes(folder / "data_batch_1.bin", batch(20, 10));
  write_bytes(folder / "data_batch_4.bin", batch(20, 40));
  write_bytes(folder / "test_batch.bin", batch(12, 90));
  const ImageData data = load(folder, 30, 12);
  EXPECT_EQ(data.train.images.shape(), (Dims{30, 3, 32, 32}));
  EXPECT_EQ(data.test.size(), 12);
  EXPECT_EQ(data.train.classes, 10);
  EXPECT_TRUE(all_of_level(data.test, 90));
  EXPECT_TRUE(says(data, "a partial set: 40 of CIFAR-10's 50000"));
  EXPECT_TRUE(says(data, "data_batch_1.bin, data_batch_4.bin"));
  EXPECT_FALSE(says(data, "held out"));
}

TEST(Images, AFileThatIsThereBothWaysCountsOnce) {
  TempFolder folder;
  write_bytes(folder / "data_batch_1.bin", batch(20, 10));
  write_bytes(folder / "data_batch_1.bin.gz", "is not looked at");
  write_bytes(folder / "test_batch.bin", batch(5, 90));
  EXPECT_EQ(load(folder, 0, 0).train.size(), 20);
}

TEST(Images, AHeldOutBatchStandsInForAShortTestSet) {
  TempFolder folder;
  for (int b = 1; b <= 3; ++b)
    write_bytes(folder / ("data_batch_" + std::to_string(b) + ".bin"),
                batch(20, static_cast<char>(10 * b)));
  write_bytes(folder / "test_batch_first5.bin", batch(5, 90));
  const ImageData data = load(folder, 40, 15);
  EXPECT_TRUE(all_of_level(data.test, 30));  // the last batch
  for (std::int64_t i = 0; i < data.train.size(); ++i) EXPECT_LT(level(data.train, i), 25);
  EXPECT_TRUE(says(data, "(test_batch_first5.bin) has 5 images where 15 are asked for"));
  EXPECT_TRUE(says(data, "data_batch_3.bin, held out of training, stands in"));
  EXPECT_TRUE(all_of_level(load(folder, 40, 5).test, 90));  // long enough
  EXPECT_EQ(code(folder, 41, 15), ErrorCode::usage);        // the third is not for training
}

TEST(Images, AFifthOfTheOnlyBatchStandsInForAMissingTestSet) {
  TempFolder folder;
  write_bytes(folder / "data_batch_2.bin", batch(20, 10));
  const ImageData data = load(folder, 0, 0);
  EXPECT_EQ(data.train.size(), 16);
  EXPECT_EQ(data.test.size(), 4);
  EXPECT_EQ(data.test.labels.data<std::int64_t>()[0], 6);  // the seventeenth image
  EXPECT_TRUE(says(data, "there is no test set"));
}

TEST(Images, AFolderOfIdxFiles) {
  TempFolder folder;
  const std::string images(5 * 4 * 4, 51), labels{0, 1, 2, 3, 1};
  write_bytes(folder / "train-images-idx3-ubyte", idx({5, 4, 4}, images));
  EXPECT_EQ(code(folder), ErrorCode::data);  // no labels
  write_bytes(folder / "train-labels-idx1-ubyte", idx({5}, labels));
  ImageData data = load(folder, 0, 0);
  EXPECT_EQ(data.train.images.shape(), (Dims{4, 1, 4, 4}));
  EXPECT_NEAR(data.train.images.data<float>()[0], 51 / 127.5 - 1, 1e-6);
  write_bytes(folder / "t10k-images-idx3-ubyte", idx({2, 4, 4}, images.substr(0, 32)));
  write_bytes(folder / "t10k-labels-idx1-ubyte", idx({2}, {3, 0}));
  data = load(folder, 0, 0);
  EXPECT_EQ(data.train.size(), 5);
  EXPECT_EQ(data.train.classes, 4);
  EXPECT_EQ(data.test.labels.to_vector<std::int64_t>(), (std::vector<std::int64_t>{3, 0}));
  write_bytes(folder / "t10k-labels-idx1-ubyte", idx({3}, {3, 0, 1}));
  EXPECT_EQ(code(folder), ErrorCode::format);
  write_bytes(folder / "t10k-images-idx3-ubyte", idx({3, 2, 8}, images.substr(0, 48)));
  EXPECT_EQ(code(folder), ErrorCode::format);  // another shape than the train images
}

TEST(Images, TheFirstFolderOfDataWins) {
  TempFolder given, environment;
  const auto grey = [&](const std::string& folder) {
    return level(load_images({.data = "mnist", .data_dir = folder}).train, 0);
  };
  const auto put = [](const TempFolder& folder, const std::string& ending, char pixel) {
    std::filesystem::create_directory(folder.path() / "mnist");
    const std::string start = folder / "mnist/train-";
    write_bytes(start + "images-idx3-ubyte" + ending, idx({5, 2, 2}, std::string(20, pixel)));
    write_bytes(start + "labels-idx1-ubyte" + ending, idx({5}, {0, 1, 2, 3, 4}));
  };
  put(given, ".gz", 10);  // read as what it is, whatever its name
  put(environment, ".gz", 20);
  ASSERT_EQ(setenv("SONDE_DATA_DIR", environment.path().c_str(), 1), 0);
  EXPECT_NEAR(grey(given.path()), 10, 0.01);
  EXPECT_NEAR(grey(""), 20, 0.01);
  put(environment, "", 30);
  EXPECT_NEAR(grey(""), 30, 0.01);  // the plain file before the compressed one
  for (const TempFolder* folder : {&given, &environment})
    std::filesystem::remove_all(folder->path() / "mnist");
  try {
    grey(given.path());
    FAIL() << "was loaded";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::data);
    for (const std::string& part :
         {given / "mnist", environment / "mnist", std::string("/usr/share/datasets/mnist"),
          std::string("yann.lecun.com")})
      EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
  }
  unsetenv("SONDE_DATA_DIR");
}

TEST(Images, TheChoiceDependsOnTheSeedAlone) {
  TempFolder folder;
  write_bytes(folder / "data_batch_1.bin", batch(50, 10));
  auto labels = [&](std::uint64_t seed) {
    return load_images({.data = folder.path(), .data_dir = {}, .train = 30, .seed = seed})
        .train.labels.to_vector<std::int64_t>();
  };
  EXPECT_EQ(labels(1), labels(1));
  EXPECT_NE(labels(1), labels(2));
}

TEST(Images, WhatIsNoDataSetSaysWhatWould) {
  TempFolder folder;
  try {
    load(folder, 0, 0);
    FAIL() << "was loaded";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::data);
    EXPECT_NE(std::string(e.what()).find("data_batch_1.bin"), std::string::npos);
  }
  try {
    load_images({.data = "cifar10", .data_dir = folder.path()});
  } catch (const Error& e) {  // if the set is not installed
    EXPECT_EQ(e.code(), ErrorCode::data);
    EXPECT_NE(std::string(e.what()).find("cifar-10-binary.tar.gz"), std::string::npos);
  }
}

}  // namespace
}  // namespace sonde::experiments
