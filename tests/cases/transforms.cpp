#include "autograd/transforms.hpp"
#include "tests/cases.hpp"

namespace sonde::testing {

void transform_cases(Cases& cases) {
  auto cube = [](const Vars& x) { return x[0] * x[0] * x[1]; };
  cases.push_back(
      {"checkpoint", {{{2, 3}}, {{3}}}, [cube](const Vars& x) { return checkpoint(cube)(x); }});
}

}  // namespace sonde::testing
