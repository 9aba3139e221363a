#include <gtest/gtest.h>

#include "autograd/observe.hpp"
#include "tests/suite/check.hpp"

namespace sonde::testing {
namespace {

// The same values behind other strides: axes reversed in memory, every second element, walked
// backwards.
Tensor awkward(const Tensor& t) {
  Dims order;
  for (int i = t.rank() - 1; i >= 0; --i) order.push_back(i);
  Dims padded = t.permute(order).shape();
  if (padded.empty()) return t;
  padded[0] *= 2;
  Tensor room = Tensor::zeros(padded, t.dtype(), t.device());
  Tensor view = room.slice(0, {}, {}, 2).permute(order).flip({0});
  view.copy_from(t);
  return view;
}

// n variants of the inputs: lane k of input i is the input rolled by k (values stay in their
// domain).
Var lanes_of(const Var& x, std::int64_t n, int axis) {
  Vars parts;
  for (std::int64_t k = 0; k < n; ++k) {
    const Tensor flat = x.tensor().reshape({-1});
    const std::int64_t m = flat.numel(), shift = m > 0 ? k % m : 0;
    parts.push_back(
        reshape(concat({slice(flat, 0, shift, {}), slice(flat, 0, 0, shift)}, 0), x.shape()));
  }
  return stack(parts, axis);
}

struct Mapping {
  Vars x;
  Axes axes;
};

// Inputs with n lanes where `mapped` says so.
Mapping map_inputs(const Subject& s, std::uint64_t mapped, std::int64_t n, int axis) {
  Mapping m;
  for (std::size_t i = 0; i < s.inputs().size(); ++i) {
    const bool here = ((mapped >> i) & 1u) != 0;
    m.x.push_back(here ? lanes_of(s.inputs()[i], n, axis) : s.inputs()[i]);
    m.axes.push_back(here ? std::optional<int>(axis) : std::nullopt);
  }
  return m;
}

Vars loop(const Function& f, const Mapping& m, std::int64_t n) {
  std::vector<Vars> lanes;
  for (std::int64_t k = 0; k < n; ++k) {
    Vars x;
    for (std::size_t i = 0; i < m.x.size(); ++i)
      x.push_back(m.axes[i] ? select(m.x[i], *m.axes[i], k) : m.x[i]);
    Vars out = f(x);
    lanes.resize(out.size());
    for (std::size_t j = 0; j < out.size(); ++j) lanes[j].push_back(out[j]);
  }
  Vars joined;
  for (Vars& parts : lanes) joined.push_back(parts[0] ? stack(parts, 0) : Var());
  return joined;
}

void compare_with_loop(const Subject& s, const Function& f, const char* what) {
  constexpr std::int64_t n = 3;
  const std::size_t count = s.inputs().size();
  const std::uint64_t all = (std::uint64_t{1} << count) - 1;
  for (std::uint64_t mapped = 1; mapped <= all; ++mapped) {
    if (count > 4 && mapped != all && (mapped & (mapped - 1)) != 0)
      continue;  // many inputs: each alone, and all
    for (int axis : {0, -1}) {
      const Mapping m = map_inputs(s, mapped, n, axis);
      const Vars batched = vmap(f, {.in_axes = m.axes})(m.x);
      EXPECT_LE(distance(batched, loop(f, m, n)), s.exact())
          << what << ", inputs with lanes: mask " << mapped << ", axis " << axis;
    }
  }
}

}  // namespace

void check_forward(const Subject& s) {
  const Vars y = s.row().f(s.inputs());
  Vars wide;
  for (const Tensor& t : s.inputs_f64()) wide.push_back(t);
  const Vars exact = s.row().f(wide);
  ASSERT_EQ(y.size(), exact.size());
  EXPECT_LE(distance(y, exact), s.exact()) << "differs from the same in f64";
  if (s.row().reference) {
    Tensors here;
    for (const Tensor& t : s.inputs_f64()) here.push_back(t.to(Device{}));
    EXPECT_LE(distance({y[0]}, {Var(s.row().reference(here))}), s.exact());
  }
}

void check_strided(const Subject& s) {
  Vars x;
  for (const Var& v : s.inputs()) x.push_back(awkward(v.tensor()));
  EXPECT_LE(distance(s.row().f(x), s.row().f(s.inputs())), s.exact());
  for (std::size_t i = 0; i < x.size(); ++i)
    EXPECT_LE(distance({x[i]}, {s.inputs()[i]}), 0.0) << "input " << i << " was overwritten";
}

void check_batch(const Subject& s) {
  const std::int64_t fallbacks = counters().loop_fallbacks;
  compare_with_loop(s, s.row().f, "forward");
  if (s.row().order > 0 && s.differentiable()) {
    compare_with_loop(s, grad(s.scalar(), s.arguments()), "gradient");
    const Vars v = s.direction();
    auto slope = [&](const Vars& x) {
      Vars tangents;  // lanes where the inputs have lanes
      for (std::size_t i = 0; i < x.size(); ++i) tangents.push_back(v[i] ? mul(v[i], x[i]) : Var());
      return jvp(s.row().f, x, tangents).tangents;
    };
    compare_with_loop(s, slope, "jvp");
  }
  EXPECT_EQ(counters().loop_fallbacks, fallbacks) << "a batch rule looped over lanes";
}

}  // namespace sonde::testing
