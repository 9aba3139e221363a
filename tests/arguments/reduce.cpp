#include "tests/arguments.hpp"

namespace sonde::testing {

void reduce_arguments(ArgumentRows& rows) {
  using I = std::int64_t;
  auto row = [&](const char* name, I size, std::function<Var(const Var&, I)> f) {
    rows.push_back(
        {name, {{{4, 3}}}, size, [f](const Vars& x, I v) { return make_vars(f(x[0], v)); }});
  };
  row("sum.axes", 2, [](const Var& x, I v) { return sum(x, {0, v}); });
  row("mean.axes", 2, [](const Var& x, I v) { return mean(x, {v}); });
  row("var.axes", 2, [](const Var& x, I v) { return var(x, {v}); });
  row("std.axes", 2, [](const Var& x, I v) { return std(x, {1, v}); });
  row("deviance.axes", 2, [](const Var& x, I v) { return deviance(x, {v}); });
  row("prod.axes", 2, [](const Var& x, I v) { return prod(x, {v}); });
  row("amax.axes", 2, [](const Var& x, I v) { return amax(x, {v}); });
  row("amin.axes", 2, [](const Var& x, I v) { return amin(x, {v, 0}); });
  row("any.axes", 2, [](const Var& x, I v) { return any(x, {v}); });
  row("all.axes", 2, [](const Var& x, I v) { return all(x, {v}); });
  row("logsumexp.axes", 2, [](const Var& x, I v) { return logsumexp(x, {v}); });
  row("norm.axes", 2, [](const Var& x, I v) { return norm(x, 2, {v}); });
  row("max.axis", 2, [](const Var& x, I v) { return max(x, v).values; });
  row("min.axis", 2, [](const Var& x, I v) { return min(x, v).values; });
  row("argmax.axis", 2, [](const Var& x, I v) { return argmax(x, v); });
  row("argmin.axis", 2, [](const Var& x, I v) { return argmin(x, v); });
  row("cumsum.axis", 2, [](const Var& x, I v) { return cumsum(x, v); });
}

}  // namespace sonde::testing
