// The generated suite of the case table on the device: every check, and the CPU's results.
#include "tests/cuda/both.hpp"
#include "tests/suite/check.hpp"

namespace sonde::testing {
namespace {

const Cases cases = all_cases();
const bool registered = (register_suite(cases, gpu), true);

}  // namespace
}  // namespace sonde::testing
