// replay FOLDER...: feeds every seed of tests/fuzz/corpus/NAME to the reader NAME, each in a
// process of its own, under the promised limits: 2 s, and 64 MiB above twice what the seeds inflate
// to.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/fuzz/readers.hpp"
#include "tests/limited.hpp"

namespace {

namespace fs = std::filesystem;

int replay(const fs::path& folder) {
  constexpr std::int64_t inflated = 4 << 20, memory = 2 * inflated + (64 << 20);
  constexpr int seconds = 2, enough = 60;
  const auto& format = sonde::hostile::format(folder.filename().string());
  int seeds = 0, wrong = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), {});
    const std::string what = sonde::run_limited(memory, seconds, [&] {
      sonde::hostile::read_or_refuse(format, std::as_bytes(std::span(bytes)));
    });
    ++seeds;
    if (what.empty()) continue;
    ++wrong;
    std::fprintf(stderr, "%s: %s\n", entry.path().c_str(), what.c_str());
  }
  std::printf("figure: %s: %d seeds, %d wrong\n", format.name.c_str(), seeds, wrong);
  return wrong > 0 || seeds < enough ? 1 : 0;
}

}  // namespace

int main(int count, char** folders) {
  int wrong = count < 2;
  for (int i = 1; i < count; ++i) wrong |= replay(folders[i]);
  return wrong;
}
