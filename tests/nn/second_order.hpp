/// @file
/// What holds for every layer in f64, at points without kinks: the modes of the Hessian-vector
/// product agree, and vmap of the gradient equals the loop, without a fallback to one.
#pragma once

#include <gtest/gtest.h>

#include <cmath>

#include "autograd/observe.hpp"
#include "autograd/ops.hpp"
#include "tests/parity/formula.hpp"

namespace sonde::testing {

/// A call of a module as a function of inputs.
struct Subject {
  const nn::Module& module;
  std::function<Var(nn::Context&, const Vars&)> f;
  nn::CallOptions options{};
};

namespace detail {

inline double inner_product(const Vars& a, const Vars& b) {
  double total = 0;
  for (std::size_t i = 0; i < a.size(); ++i) total += sum(mul(a[i], b[i])).item();
  return total;
}

inline double distance(const Vars& a, const Vars& b) {
  Vars d;
  for (std::size_t i = 0; i < a.size(); ++i) d.push_back(sub(a[i], b[i]));
  return std::sqrt(inner_product(d, d));
}

/// A scalar of the output whose second derivative is not zero.
inline Var curved(const Var& y) {
  return sum(square(add(y, 0.5)));
}

}  // namespace detail

/// H v by three pairs of modes, and u'Hv by forward over forward, for the parameters and the
/// floating inputs.
inline void expect_hvp_modes_agree(const Subject& subject, const Vars& inputs) {
  const std::int64_t loops = counters().loop_fallbacks;
  Vars x, u, v;
  SmallVector<int, 4> place;  // of inputs[i] in x
  for (const Var& in : inputs) {
    place.push_back(is_differentiable(in.dtype()) ? static_cast<int>(x.size()) : -1);
    if (place.back() >= 0) x.push_back(in);
  }
  const std::size_t floating = x.size();
  for (const Var& p : subject.module.parameters()) x.push_back(p);
  for (std::size_t i = 0; i < x.size(); ++i) {
    u.push_back(uniform_values(fmt::format("u{}", i), x[i].shape()));
    v.push_back(uniform_values(fmt::format("v{}", i), x[i].shape()));
  }
  const Function loss = [&](const Vars& all) {
    Vars in, parameters;
    for (std::size_t i = 0; i < inputs.size(); ++i)
      in.push_back(place[i] >= 0 ? all[static_cast<std::size_t>(place[i])] : inputs[i]);
    for (std::size_t i = floating; i < all.size(); ++i) parameters.push_back(all[i]);
    nn::Context ctx(subject.module, parameters, subject.options);
    return detail::curved(subject.f(ctx, in));
  };
  const Vars fr = hvp(loss, x, v, HvpMode::forward_over_reverse);
  const Vars rr = hvp(loss, x, v, HvpMode::reverse_over_reverse);
  const Vars rf = hvp(loss, x, v, HvpMode::reverse_over_forward);
  const double size = std::sqrt(detail::inner_product(rr, rr));
  EXPECT_GT(size, 1e-3);
  EXPECT_LE(detail::distance(fr, rr), 1e-10 * size);
  EXPECT_LE(detail::distance(rf, rr), 1e-10 * size);
  const Function along_v = [&](const Vars& y) { return jvp(loss, y, v).tangents[0]; };
  const double scale = size * std::sqrt(detail::inner_product(u, u));
  EXPECT_NEAR(jvp(along_v, x, u).tangents[0].item(), detail::inner_product(u, rr), 1e-10 * scale);
  EXPECT_EQ(counters().loop_fallbacks, loops);
}

/// The parameters' gradients for each of `samples`, inputs with a leading axis: vmap over grad
/// against a loop. Fused operations stay fused.
inline void expect_per_sample_gradients(const Subject& subject, const Vars& samples) {
  const std::int64_t loops = counters().loop_fallbacks, expansions = counters().expansions;
  const Vars parameters = subject.module.parameters();
  Arguments wanted;
  VmapOptions lanes;
  Vars all = parameters;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    wanted.push_back(static_cast<int>(i));
    lanes.in_axes.push_back(std::nullopt);
  }
  for (const Var& s : samples) {
    all.push_back(s);
    lanes.in_axes.push_back(0);
  }
  const Function loss = [&](const Vars& v) {
    Vars p, in;
    for (std::size_t i = 0; i < v.size(); ++i) (i < parameters.size() ? p : in).push_back(v[i]);
    nn::Context ctx(subject.module, p, subject.options);
    return detail::curved(subject.f(ctx, in));
  };
  const Vars together = vmap(grad(loss, wanted), lanes)(all);
  EXPECT_EQ(counters().loop_fallbacks, loops);
  EXPECT_EQ(counters().expansions, expansions);
  for (std::int64_t n = 0; n < samples[0].size(0); ++n) {
    Vars one = parameters, lane;
    for (const Var& s : samples) one.push_back(select(s, 0, n));
    const Vars alone = grad(loss, wanted)(one);
    for (const Var& g : together) lane.push_back(select(g, 0, n));
    const double size = std::sqrt(detail::inner_product(alone, alone));
    EXPECT_GT(size, 1e-3);
    EXPECT_LE(detail::distance(lane, alone), 1e-12 * size) << "sample " << n;
  }
}

}  // namespace sonde::testing
