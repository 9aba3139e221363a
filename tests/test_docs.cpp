// The pages under docs/ against the sources that they describe.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <string>

#include "tests/paths.hpp"

namespace {

std::string read(const std::string& path) {
  std::ifstream file(sonde::testing::source_dir() + "/" + path);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

// All matches of a pattern of two groups.
using Pairs = std::multimap<std::string, std::string>;
Pairs pairs(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  Pairs found;
  for (std::sregex_iterator it(text.begin(), text.end(), regex), end; it != end; ++it) {
    found.emplace((*it)[1], (*it)[2]);
  }
  return found;
}

TEST(Docs, EveryErrorCodeHasItsLine) {
  Pairs documented;
  for (const auto& [code, name] :
       pairs(read("docs/errors.md"), R"(\| S(\d+) \| `(\w+)` \| [^|\n]+ \| [^|\n]+ \|)")) {
    documented.emplace(name, code);
  }
  const Pairs declared = pairs(read("tensor/error.hpp"), R"(\n  (\w+) = (\d+),)");
  EXPECT_EQ(documented, declared);
  EXPECT_GE(declared.size(), 20u);
}

}  // namespace
