#include "autograd/gradcheck.hpp"

#include <cmath>
#include <random>

#include "autograd/ops.hpp"

namespace sonde {
namespace {

double dot(const Vars& a, const Vars& b) {
  double total = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i] && b[i]) total += sum(mul(a[i], b[i])).item();
  return total;
}

double norm(const Vars& a) {
  return std::sqrt(dot(a, a));
}

// |a - b| / (|a| + |b|), or 0 if both vanish.
double distance(const Vars& a, const Vars& b) {
  Vars d;
  for (std::size_t i = 0; i < a.size(); ++i)
    d.push_back(a[i] && b[i] ? sub(a[i], b[i]) : a[i] ? a[i] : b[i]);
  const double scale = norm(a) + norm(b);
  return scale > 0 ? norm(d) / scale : 0;
}

Vars central(const Function& f, const Vars& x, const Vars& v, double h) {
  auto at = [&](double s) {
    Vars moved;
    for (std::size_t i = 0; i < x.size(); ++i) moved.push_back(add(x[i], mul(v[i], s)));
    return f(moved);
  };
  Vars plus = at(h), minus = at(-h), out;
  for (std::size_t i = 0; i < plus.size(); ++i) out.push_back(mul(sub(plus[i], minus[i]), 0.5 / h));
  return out;
}

// Error O(h^4).
Vars difference(const Function& f, const Vars& x, const Vars& v, double h) {
  Vars coarse = central(f, x, v, 2 * h), fine = central(f, x, v, h), out;
  for (std::size_t i = 0; i < fine.size(); ++i)
    out.push_back(sub(mul(fine[i], 4.0 / 3), mul(coarse[i], 1.0 / 3)));
  return out;
}

class Report {
 public:
  void line(std::string_view what, double error, double bound) {
    const bool ok = error <= bound;
    result.ok &= ok;
    result.report += fmt::format("{:4} {:44} error {:.2e}, bound {:.0e}\n", ok ? "ok" : "BAD", what,
                                 error, bound);
  }
  GradcheckResult result;
};

}  // namespace

GradcheckResult gradcheck(const Function& f, const Vars& x, const GradcheckOptions& options) {
  constexpr double identity = 1e-10;
  Arguments floats;
  Vars some;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (x[i].dtype() == DType::f32)
      fail_hint(ErrorCode::dtype, "gradcheck", "convert it with to(x, DType::f64)",
                "argument {} is {}", i, x[i].spec());
    if (!is_differentiable(x[i].dtype())) continue;
    floats.push_back(static_cast<int>(i));
    some.push_back(x[i]);
  }
  // f as a function of its f64 arguments and its f64 results.
  const Function g = [&](const Vars& y) -> Vars {
    Vars all = x, kept;
    for (std::size_t k = 0; k < y.size(); ++k) all[static_cast<std::size_t>(floats[k])] = y[k];
    for (const Var& v : f(all))
      if (is_differentiable(v.dtype())) kept.push_back(v);
    return kept;
  };
  std::mt19937_64 random(options.seed);
  auto direction = [&](const Vars& like) {
    std::normal_distribution<double> normal;
    Vars out;
    for (const Var& v : like) {
      std::vector<double> values(static_cast<std::size_t>(v.numel()));
      for (double& value : values) value = normal(random);
      out.push_back(Tensor::from<double>(values, v.shape()).to(v.device()));
    }
    return out;
  };
  const Vars v = direction(some);
  const JvpResult forward = jvp(g, some, v);
  const Vars u = direction(forward.out);
  const Vars gradient = vjp(g, some).pullback(u);
  Report report;
  report.line("jvp against central differences",
              distance(forward.tangents, difference(g, some, v, options.step)), options.tolerance);
  const double scale = norm(u) * norm(forward.tangents) + norm(gradient) * norm(v);
  report.line("<u, Jv> against <J'u, v>",
              scale > 0 ? std::abs(dot(u, forward.tangents) - dot(gradient, v)) / scale : 0,
              identity);
  if (options.order >= 2) {
    const Function scalar = [&](const Vars& y) -> Var {
      Vars out = g(y);
      Var total = Tensor::scalar(0, DType::f64);
      for (std::size_t i = 0; i < out.size(); ++i) total = add(total, sum(mul(u[i], out[i])));
      return total;
    };
    const Vars rr = hvp(scalar, some, v, HvpMode::reverse_over_reverse);
    const Vars fr = hvp(scalar, some, v, HvpMode::forward_over_reverse);
    report.line("Hv: forward over reverse, reverse over reverse", distance(fr, rr), identity);
    report.line("Hv: reverse over forward, reverse over reverse",
                distance(hvp(scalar, some, v, HvpMode::reverse_over_forward), rr), identity);
    const Vars numeric = difference(grad(scalar), some, v, options.step);
    report.line("Hv against differences of the gradient",
                norm(rr) + norm(numeric) < 1e-9 * (1 + norm(gradient)) ? 0 : distance(rr, numeric),
                options.tolerance);
  }
  return report.result;
}

}  // namespace sonde
