#include <gtest/gtest.h>

#include "autograd/observe.hpp"
#include "tests/suite/check.hpp"

namespace sonde::testing {
namespace {

// x + h v, where v is not empty.
Vars moved(const Vars& x, const Vars& v, double h) {
  Vars out;
  for (std::size_t i = 0; i < x.size(); ++i) out.push_back(v[i] ? add(x[i], mul(v[i], h)) : x[i]);
  return out;
}

// Central difference of g along v, Richardson-extrapolated: error O(h^4).
Vars difference(const Function& g, const Vars& x, const Vars& v) {
  auto central = [&](double h) {
    Vars plus = g(moved(x, v, h)), minus = g(moved(x, v, -h)), out;
    for (std::size_t i = 0; i < plus.size(); ++i)
      out.push_back(plus[i] && is_differentiable(plus[i].dtype())
                        ? mul(sub(plus[i], minus[i]), 0.5 / h)
                        : Var());
    return out;
  };
  Vars coarse = central(2e-4), fine = central(1e-4), out;
  for (std::size_t i = 0; i < fine.size(); ++i)
    out.push_back(fine[i] ? sub(mul(fine[i], 4.0 / 3), mul(coarse[i], 1.0 / 3)) : Var());
  return out;
}

Vars without_integers(Vars values) {
  for (Var& v : values)
    if (v && !is_differentiable(v.dtype())) v = Var();
  return values;
}

}  // namespace

Vars picked(const Vars& x, const Arguments& arguments) {
  Vars out;
  for (int i : arguments) out.push_back(x[static_cast<std::size_t>(i)]);
  return out;
}

// A function of the differentiable inputs only.
Function of_floats(const Subject& s, const Function& f) {
  return [f, x = s.inputs(), arguments = s.arguments()](const Vars& some) -> Vars {
    Vars all = x;
    for (std::size_t k = 0; k < some.size(); ++k)
      all[static_cast<std::size_t>(arguments[k])] = some[k];
    return f(all);
  };
}

void check_adjoint(const Subject& s) {
  const Vars v = s.direction(), u = s.weights();
  const std::int64_t before = counters().expansions;
  const JvpResult forward = jvp(s.row().f, s.inputs(), v);
  const bool decomposed =
      counters().expansions != before;  // then the values come from other kernels
  VjpResult reverse = vjp(s.row().f, s.inputs());
  EXPECT_LE(distance(forward.out, reverse.out), decomposed ? s.exact() : 0.0)
      << "jvp and vjp computed different values";
  const Vars gradient = reverse.pullback(u);
  const double left = dot(u, forward.tangents), right = dot(gradient, v);
  const double scale = norm(u) * norm(forward.tangents) + norm(gradient) * norm(v) + 1e-30;
  EXPECT_LE(std::abs(left - right) / scale, s.exact())
      << "<u, Jv> = " << left << ", <J'u, v> = " << right;
  EXPECT_LE(distance(reverse.pullback(u), gradient), 0.0)
      << "a second call of the pullback differs";
}

// Each input by itself: the others are constants, without tangents in forward mode and not asked
// for in reverse mode.
void check_one_input(const Subject& s) {
  const Vars v = s.direction(), u = s.weights();
  const Vars gradient = vjp(s.row().f, s.inputs()).pullback(u);
  for (int i : s.arguments()) {
    const auto k = static_cast<std::size_t>(i);
    Vars only;
    only.resize(v.size());
    only[k] = v[k];
    const Vars slope = jvp(s.row().f, s.inputs(), only).tangents;
    const double left = dot(u, slope), right = dot({gradient[k]}, {v[k]});
    const double scale = norm(u) * norm(without_integers(slope)) +
                         norm({gradient[k]}) * norm({v[k]}) + 1;  // it may be 0
    EXPECT_LE(std::abs(left - right) / scale, s.exact()) << "tangent of input " << i << " only";
    auto of_one = [&](const Vars& one) {
      Vars x = s.inputs();
      x[k] = one[0];
      return s.row().f(x);
    };
    EXPECT_LE(distance(vjp(of_one, {s.inputs()[k]}).pullback(u), {gradient[k]}), s.exact())
        << "cotangent of input " << i << " only";
  }
}

void check_finite_differences(const Subject& s) {
  const Vars v = s.direction();
  const Vars exact = without_integers(jvp(s.row().f, s.inputs(), v).tangents);
  EXPECT_LE(distance(exact, difference(s.row().f, s.inputs(), v)), s.difference());
}

// The pullback as a function of the point alone and of the cotangent alone: in the rules of its
// rules, some inputs are constants and not asked for.
void check_pullback(const Subject& s) {
  const Function f = of_floats(s, s.row().f);
  const Vars x = picked(s.inputs(), s.arguments()), v = picked(s.direction(), s.arguments()),
             u = s.weights();
  auto at_point = [&](const Vars& y) { return vjp(f, y).pullback(u); };
  auto slope = [&](const Vars& y) {
    const Vars tangents = jvp(f, y, v).tangents;
    Var total = Tensor::scalar(0, x[0].dtype());
    for (std::size_t i = 0; i < u.size(); ++i)
      if (u[i]) total = add(total, to(sum(mul(u[i], tangents[i])), total.dtype()));
    return total;
  };
  EXPECT_LE(distance(vjp(at_point, x).pullback(v), grad(slope)(x)), s.exact())
      << "d/dx <J'u, v> and d/dx <u, Jv>";
  for (const Var& w : u)
    if (!w) return;  // an output without derivative has no cotangent
  auto of_cotangent = [&](const Vars& w) { return vjp(f, x).pullback(w); };
  EXPECT_LE(distance(vjp(of_cotangent, u).pullback(v), jvp(f, x, v).tangents), s.exact())
      << "(J')'v and Jv";
}

void check_second_order(const Subject& s) {
  const Function f = of_floats(s, s.scalar());
  const Vars x = picked(s.inputs(), s.arguments()), v = picked(s.direction(), s.arguments()),
             w = picked(s.direction(), s.arguments());
  const Vars fr = hvp(f, x, v, HvpMode::forward_over_reverse),
             rr = hvp(f, x, v, HvpMode::reverse_over_reverse),
             rf = hvp(f, x, v, HvpMode::reverse_over_forward);
  EXPECT_LE(distance(fr, rr), s.exact()) << "forward over reverse, reverse over reverse";
  EXPECT_LE(distance(rf, rr), s.exact()) << "reverse over forward, reverse over reverse";
  auto inner = [&](const Vars& y) { return jvp(f, y, v).tangents[0]; };
  const double ff = jvp(inner, x, w).tangents[0].item();
  EXPECT_LE(std::abs(ff - dot(w, rr)) / (norm(w) * norm(rr) + 1), s.exact())
      << "forward over forward";
  if (s.f64())
    EXPECT_LE(distance(fr, difference(grad(f), x, v)), s.difference()) << "finite differences";
}

void check_third_order(const Subject& s) {
  const Function f = of_floats(s, s.scalar());
  const Vars x = picked(s.inputs(), s.arguments()), v = picked(s.direction(), s.arguments());
  auto total = [](const Vars& a, const Vars& b) {
    Var t = sum(mul(a[0], b[0]));
    for (std::size_t i = 1; i < a.size(); ++i) t = add(t, sum(mul(a[i], b[i])));
    return t;
  };
  auto along = [&](const Function& g) -> Function {
    return [&, g](const Vars& y) { return jvp(g, y, v).tangents[0]; };
  };
  auto slope = [&](const Function& g) -> Function {
    return [&, g](const Vars& y) { return total(grad(g)(y), v); };
  };
  const Vars rff = grad(along(along(f)))(x), rrr = grad(slope(slope(f)))(x),
             rfr = grad(along(slope(f)))(x), frr = jvp(grad(slope(f)), x, v).tangents;
  EXPECT_LE(distance(rff, rrr), 10 * s.exact())
      << "reverse, forward, forward against reverse, reverse, reverse";
  EXPECT_LE(distance(rfr, rrr), 10 * s.exact())
      << "reverse, forward, reverse against reverse, reverse, reverse";
  EXPECT_LE(distance(frr, rrr), 10 * s.exact())
      << "forward, reverse, reverse against reverse, reverse, reverse";
  if (s.f64())
    EXPECT_LE(distance(rrr, difference(grad(slope(f)), x, v)), 10 * s.difference())
        << "differences";
}

void check_linearize(const Subject& s) {
  const Vars v = s.direction(), u = s.weights();
  const Linearization at = linearize(s.row().f, s.inputs());
  EXPECT_LE(distance(at.out(), s.row().f(s.inputs())), s.exact());
  EXPECT_LE(distance(without_integers(at.apply(v)),
                     without_integers(jvp(s.row().f, s.inputs(), v).tangents)),
            s.exact());
  EXPECT_LE(distance(at.transpose(u), vjp(s.row().f, s.inputs()).pullback(u)), s.exact());
}

}  // namespace sonde::testing
