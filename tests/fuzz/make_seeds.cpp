// make_seeds FOLDER: writes the samples of tests/hostile as seeds, FOLDER/NAME/..., and removes
// what else is there. The same bytes each time.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tests/fuzz/readers.hpp"

int main(int count, char** arguments) {
  namespace fs = std::filesystem;
  if (count != 2) return 2;
  for (const auto& format : sonde::hostile::formats()) {
    const fs::path folder = fs::path(arguments[1]) / format.name;
    fs::remove_all(folder);
    fs::create_directories(folder);
    for (const auto& sample : format.samples())
      std::ofstream(folder / sonde::hostile::seed_name(sample), std::ios::binary) << sample.bytes;
  }
}
