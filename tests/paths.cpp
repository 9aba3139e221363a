#include "tests/paths.hpp"

std::string sonde::testing::source_dir() {
  return SONDE_SOURCE_DIR;
}
