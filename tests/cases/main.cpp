// The generated suite over all primitives of the library.
#include "tests/paths.hpp"
#include "tests/suite/check.hpp"

int main(int argc, char** argv) {
  const sonde::testing::Cases cases = sonde::testing::all_cases();
  return sonde::testing::run_suite(argc, argv, cases, sonde::testing::source_dir() + "/autograd");
}
