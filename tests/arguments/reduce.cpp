#include "tests/arguments.hpp"

namespace sonde::testing {

void reduce_arguments(ArgumentRows& rows) {
  using I = std::int64_t;
  auto row = [&](const char* name, I size, std::function<Var(const Var&, I)> f) {
    rows.push_back({name, {{{4, 3}}}, size, [f](const Vars& x, I v) { return make_vars(f(x[0], v)); }});
  };
  row("sum.axes", 2, [](const Var& x, I v) { return sum(x, {0, v}); });
}

}  // namespace sonde::testing
