#include <gtest/gtest.h>

#include "tests/suite/check.hpp"

namespace sonde::testing {
namespace {

// Everything a row gives on its device, in one list.
Vars results_of(const Subject& s) {
  Vars all = s.row().f(s.inputs());
  const auto append = [&](const Vars& more) {
    for (const Var& v : more) all.push_back(v);
  };
  Vars lanes;
  Axes axes;
  for (const Var& x : s.inputs()) {
    lanes.push_back(stack({x, x}, 0));
    axes.push_back(0);
  }
  append(vmap(s.row().f, {.in_axes = axes})(lanes));
  if (s.row().order < 1 || !s.differentiable()) return all;
  const Vars v = s.direction(), u = s.weights();
  append(jvp(s.row().f, s.inputs(), v).tangents);
  append(vjp(s.row().f, s.inputs()).pullback(u));
  if (s.row().order < 2) return all;
  append(
      hvp(of_floats(s, s.scalar()), picked(s.inputs(), s.arguments()), picked(v, s.arguments())));
  return all;
}

}  // namespace

void check_against_cpu(const Subject& s) {
  const Vars there = results_of(s), here = results_of(Subject(s.row(), s.dtype()));
  ASSERT_EQ(there.size(), here.size());
  for (std::size_t i = 0; i < here.size(); ++i) {
    EXPECT_LE(distance({there[i]}, {here[i]}), 10 * s.exact()) << "result " << i;
    if (there[i] && there[i].numel() != 0)
      EXPECT_EQ(to_string(there[i].device()), to_string(s.device())) << "result " << i;
  }
}

}  // namespace sonde::testing
