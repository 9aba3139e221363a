// Every sample of tests/hostile: what is read and what is refused, why, and with how much memory;
// then files that are large, for whose readers memory and time are limited by the system.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "experiments/common/json.hpp"
#include "experiments/data/cifar.hpp"
#include "experiments/data/idx.hpp"
#include "gzip_bytes.hpp"
#include "temp_folder.hpp"
#include "tensor/allocator.hpp"
#include "tensor/sanitizers.hpp"
#include "tests/fuzz/readers.hpp"
#include "tests/hostile/builders.hpp"
#include "tests/limited.hpp"
#include "tests/paths.hpp"

namespace sonde::hostile {
namespace {

class EveryFormat : public ::testing::TestWithParam<Format> {};

// An Error without words in the table comes from libzip or CLI11, whose wording is theirs.
void expect_as_told(const Format& format, const Sample& sample) {
  const bool refused = sample.kind == Kind::hostile;
  SCOPED_TRACE(format.name + ": " + sample.name);
  try {
    format.read(std::as_bytes(std::span(sample.bytes)));
    EXPECT_FALSE(refused) << "was accepted";
  } catch (const Error& e) {
    EXPECT_TRUE(refused) << e.what();
    EXPECT_EQ(e.code(), sample.code) << e.what();
    EXPECT_NE(std::string(e.what()).find(sample.words), std::string::npos) << e.what();
  }
}

TEST_P(EveryFormat, SamplesAreReadOrRefusedAsTold) {
  for (const Sample& s : GetParam().samples()) {
    const std::int64_t before = current_bytes();
    reset_peak_bytes();
    expect_as_told(GetParam(), s);
    EXPECT_LE(peak_bytes() - before, 8 << 20) << s.name;
    EXPECT_EQ(current_bytes(), before) << s.name;
  }
}

TEST_P(EveryFormat, TheCorpusIsTheSamples) {
  const std::string folder = sonde::testing::source_dir() + "/tests/fuzz/corpus/" + GetParam().name;
  std::set<std::string> names;
  for (const Sample& s : GetParam().samples()) {
    EXPECT_TRUE(names.insert(seed_name(s)).second) << "two samples are called " << s.name;
    EXPECT_LE(s.bytes.size(), 4096u) << s.name;
    EXPECT_EQ(read_bytes(folder + "/" + seed_name(s)), s.bytes) << s.name;
  }
  EXPECT_GE(names.size(), 60u);
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    files += entry.is_regular_file();
  EXPECT_EQ(files, names.size()) << "make_seeds " << folder << "/.. brings it up to date";
}

INSTANTIATE_TEST_SUITE_P(Hostile, EveryFormat, ::testing::ValuesIn(formats()),
                         [](const auto& info) { return info.param.name; });

struct Large {
  std::string label, format;
  std::string (*bytes)();
  std::int64_t inflated = 0;  // if more than the file
};

std::string joined(int n, std::string (*item)(int)) {
  std::string out;
  for (int i = 0; i < n; ++i) out += (i ? "," : "") + item(i);
  return out;
}

std::string header_of(int n, std::string (*item)(int)) {
  return safetensors_file("{" + joined(n, item) + "}", "");
}

std::string empty_tensor(const std::string& name) {
  return safetensors_entry(name, "U8", "[0]", "[0,0]");
}

std::string members(int n) {
  std::vector<ZipMember> all;
  for (int i = 0; i < n; ++i)
    all.push_back({std::to_string(i) + ".npy", "", false, -1, -1, -1, 0, 0});
  return zip_file(all, {.wide = true});
}

const Large large[] = {
    {"500000 tensors", "safetensors",
     [] { return header_of(500'000, [](int i) { return empty_tensor(std::to_string(i)); }); }},
    {"60000 tensors", "safetensors",
     [] { return header_of(60'000, [](int i) { return empty_tensor(std::to_string(i)); }); }},
    {"long names", "safetensors",
     [] {
       return header_of(
           2000, [](int i) { return empty_tensor(std::string(20'000, 'n') + std::to_string(i)); });
     }},
    {"one name of 50 MB", "safetensors",
     [] { return safetensors_file("{" + empty_tensor(std::string(50'000'000, 'n')) + "}", ""); }},
    {"a million items of metadata", "safetensors",
     [] {
       return safetensors_file(
           "{\"__metadata__\":{" +
               joined(1'000'000, [](int i) { return "\"" + std::to_string(i) + "\":\"\""; }) + "}}",
           "");
     }},
    {"a number of 50 MB", "safetensors",
     [] {
       return safetensors_file(
           "{" + safetensors_entry("a", "U8", "[" + std::string(50'000'000, '1') + "]", "[0,0]") +
               "}",
           "");
     }},
    {"header of 100 MB of white space", "safetensors",
     [] { return safetensors_file("{" + std::string(99'999'998, ' ') + "}", ""); }},
    {"500000 members", "npz", [] { return members(500'000); }},
    {"60000 members of one place", "npz", [] { return members(60'000); }},
    {"directory read again and again", "npz",
     [] {
       const std::string once = members(60'000);
       return once + repeated(once.substr(once.size() - 98), 600);
     }},
    {"192 MB of zeros in gzip", "idx",
     [] { return gzipped(std::string("\0\0\x08\1\x0c\0\0\0", 8) + std::string(192 << 20, '\0')); },
     192 << 20},
    {"75 MB of records in gzip", "cifar", [] { return gzipped(std::string(3073 * 25'000, '\0')); },
     3073 * 25'000},
    {"a million lists", "json", [] { return "[" + repeated("[],", 1'000'000) + "0]"; }},
    {"a million objects of one key", "json",
     [] { return "[" + repeated("{\"\":0},", 340'000) + "0]"; }},
    {"ten million numbers", "json", [] { return "[" + repeated("0,", 10'000'000) + "0]"; }},
    {"objects of 500 keys", "json",
     [] {
       const std::string object =
           "{" + joined(500, [](int i) { return "\"" + std::to_string(100'000 + i) + "\":0"; }) +
           "}";
       return "[" + repeated(object + ",", 1000) + "0]";
     }},
    {"200000 keys", "json",
     [] {
       return "{" + joined(200'000, [](int i) { return "\"" + std::to_string(i) + "\":0"; }) + "}";
     }},
    {"text of 50 MB", "json", [] { return "\"" + std::string(50'000'000, 'a') + "\""; }},
    {"50 texts of a megabyte", "json",
     [] { return "[" + repeated("\"" + std::string(1'000'000, 'a') + "\",", 50) + "0]"; }},
};

void read_large(const Large& c, const std::string& bytes) {
  MemoryStream in(std::as_bytes(std::span(bytes)));
  try {
    if (c.format == "idx")
      experiments::read_idx(in, std::int64_t{1} << 32);
    else if (c.format == "cifar")
      experiments::read_cifar(in, std::int64_t{1} << 32);
    else if (c.format == "json")
      experiments::parse_json(bytes, c.label);
    else
      format(c.format).read(std::as_bytes(std::span(bytes)));
  } catch (const Error& e) {
    if (e.code() != ErrorCode::format) throw;
  }
}

// The file itself lies in memory before the count begins, so a reader that made one more copy of it
// than it may would be noticed.
TEST(Hostile, LargeFilesTakeNoMoreThanPromised) {
  for (const Large& c : large) {
    const std::string bytes = c.bytes();
    const std::int64_t size = std::max(static_cast<std::int64_t>(bytes.size()), c.inflated);
    constexpr int seconds = 10;
    EXPECT_EQ(run_limited(2 * size + (64 << 20), seconds, [&] { read_large(c, bytes); }), "")
        << c.label;
  }
}

TEST(Hostile, TheLimitsThemselvesWork) {
  constexpr std::int64_t room = 64 << 20;
  EXPECT_EQ(run_limited(room, 2, [] {}), "");
  EXPECT_NE(run_limited(room, 2, [] { throw std::logic_error("words"); }).find("words"),
            std::string::npos);
  EXPECT_NE(run_limited(room, 1,
                        [] {
                          for (volatile bool on = true; on;)
                            ;
                        }),
            "");
  if (detail::address_sanitizer || detail::thread_sanitizer) return;
  EXPECT_NE(run_limited(room, 2, [] { std::string(128 << 20, 'x').shrink_to_fit(); }), "");
}

}  // namespace
}  // namespace sonde::hostile
