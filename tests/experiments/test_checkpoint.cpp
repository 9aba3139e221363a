// Files of checkpoints: what is kept, and what happens when they are damaged.
#include "experiments/common/checkpoint.hpp"

#include <gtest/gtest.h>

#include "temp_folder.hpp"
#include "tensor/philox.hpp"

namespace sonde::experiments {
namespace {

Checkpoint numbered(int i) {
  return {{{"number", i}, {"third", 1.0 / 3}, {"nothing", nullptr}},
          {{"x", Tensor::full({3}, i, DType::f64)}}};
}

int number(const Checkpoint& c) {
  EXPECT_EQ(c.tensor("x").at({2}), c.state.at("number").get<int>());
  return c.state.at("number").get<int>();
}

TEST(Checkpoints, TheLastTwoAreKeptAndTheNewestIsRead) {
  TempFolder folder;
  CheckpointFiles files(folder.path());
  EXPECT_FALSE(files.exist());
  EXPECT_FALSE(files.read());
  for (int i = 1; i <= 5; ++i) {
    files.write(numbered(i));
    EXPECT_EQ(folder.count(), i == 1 ? 2u : 4u);
    const auto found = CheckpointFiles(folder.path()).read();
    EXPECT_EQ(number(found->checkpoint), i);
    EXPECT_EQ(found->checkpoint.state.at("third").get<double>(), 1.0 / 3);
    EXPECT_TRUE(found->damaged.empty());
  }
  files.remove();
  EXPECT_EQ(folder.count(), 0u);
}

// Each way to damage the newest of two: the one before is read, and the damage is told.
TEST(Checkpoints, ADamagedOneIsPassedOver) {
  auto read_after = [](const char* name, auto damage) {
    TempFolder folder;
    CheckpointFiles files(folder.path());
    for (int i = 1; i <= 2; ++i) files.write(numbered(i));
    const std::string path = folder / name;
    damage(path, read_bytes(path));
    CheckpointFiles again(folder.path());
    const auto found = again.read();
    EXPECT_EQ(number(found->checkpoint), 1);
    ASSERT_EQ(found->damaged.size(), 1u);
    EXPECT_NE(found->damaged[0].find("checkpoint.2."), std::string::npos) << found->damaged[0];
    again.write(numbered(3));  // the whole one stays as the one before, the damaged one goes
    EXPECT_EQ(number(CheckpointFiles(folder.path()).read()->checkpoint), 3);
    EXPECT_TRUE(std::filesystem::exists(folder / "checkpoint.1.json"));
    EXPECT_FALSE(std::filesystem::exists(folder / "checkpoint.2.json"));
  };
  for (const char* name : {"checkpoint.2.safetensors", "checkpoint.2.json"}) {
    read_after(name,
               [](const auto& p, const auto& b) { write_bytes(p, b.substr(0, b.size() / 2)); });
    read_after(name, [](const auto& p, const auto&) { write_bytes(p, ""); });
  }
  read_after("checkpoint.2.safetensors", [](const auto& p, auto b) {
    b.back() ^= 1;  // one bit of an element
    write_bytes(p, b);
  });
  read_after("checkpoint.2.safetensors",
             [](const auto& p, const auto&) { std::filesystem::remove(p); });
  read_after("checkpoint.2.json", [](const auto& p, auto b) {
    b.replace(b.find("number"), 6, "nomber");
    write_bytes(p, b);
  });
}

// The file and the bit of each flip depend on its number alone.
TEST(Checkpoints, EveryOneOf1000BitFlipsIsDetected) {
  TempFolder folder;
  CheckpointFiles files(folder.path());
  Checkpoint whole = numbered(1);
  whole.state["text"] = "1e-05 and words";
  whole.state["small"] = 1.5e-7;
  whole.add("weights.", {{"w", Tensor::arange(50, DType::f32)}});
  files.write(whole);
  const std::string names[] = {"checkpoint.1.json", "checkpoint.1.safetensors"};
  const std::string contents[] = {read_bytes(folder / names[0]), read_bytes(folder / names[1])};
  const std::uint64_t first = contents[0].size(), all = first + contents[1].size();
  for (std::uint64_t flip = 0; flip < 1000; ++flip) {
    const std::uint64_t bit = philox::bits({.k0 = 1000}, flip) % (8 * all), byte = bit / 8;
    const int file = byte < first ? 0 : 1;
    std::string changed = contents[file];
    char& hit = changed[byte - (file == 0 ? 0 : first)];
    hit = static_cast<char>(hit ^ 1 << bit % 8);
    write_bytes(folder / names[file], changed);
    EXPECT_THROW(CheckpointFiles(folder.path()).read(), Error) << "bit " << bit;
    write_bytes(folder / names[file], contents[file]);
  }
  EXPECT_EQ(number(CheckpointFiles(folder.path()).read()->checkpoint), 1);
}

TEST(Checkpoints, WhatAKilledWriterLeftIsNotReadAndGoes) {
  TempFolder folder;
  CheckpointFiles files(folder.path());
  files.write(numbered(1));
  write_bytes(folder / "checkpoint.2.safetensors", "half");  // its manifest never came
  write_bytes(folder / "checkpoint.2.json.tmp.77.0", "{");
  write_bytes(folder / "other.json", "{}");
  EXPECT_EQ(number(files.read()->checkpoint), 1);
  files.write(numbered(2));
  EXPECT_EQ(number(files.read()->checkpoint), 2);
  EXPECT_EQ(folder.count(), 5u);  // two pairs, and what is not its own
}

TEST(Checkpoints, IfAllAreDamagedTheErrorNamesThem) {
  TempFolder folder;
  CheckpointFiles files(folder.path());
  for (int i = 1; i <= 2; ++i) files.write(numbered(i));
  for (const char* name : {"checkpoint.1.json", "checkpoint.2.safetensors"})
    write_bytes(folder / name, "x");
  try {
    files.read();
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::format);
    for (const char* name : {"checkpoint.1.", "checkpoint.2."})
      EXPECT_NE(e.message().find(name), std::string::npos);
  }
}

}  // namespace
}  // namespace sonde::experiments
