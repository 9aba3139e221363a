#include "analysis/solve.hpp"

#include <algorithm>
#include <cmath>

#include "analysis/lanczos.hpp"
#include "analysis/rows.hpp"
#include "autograd/ops.hpp"

namespace sonde {
namespace {

using Scalars = std::vector<double>;  // one for each right-hand side

// y + a x, row by row.
Tensor plus(const Tensor& y, const Scalars& a, const Tensor& x) {
  return (Var(y) + Var(scaled_rows(x, a))).tensor();
}

Scalars each(std::size_t n, const std::function<double(std::size_t)>& f) {
  Scalars out(n);
  for (std::size_t i = 0; i < n; ++i) out[i] = f(i);
  return out;
}

// What both methods share: the right-hand sides, when each is solved, and what comes out.
class Problem {
 public:
  Problem(std::string_view who, const LinearMap& map, const Tensor& b, const SolveOptions& o)
      : who_(who), map_(map), options_(o), vector_(b.rank() == 1) {
    check_symmetric(map, who, {});
    if (!(o.tolerance >= 0) || o.max_iterations < 0)
      fail(ErrorCode::value, who, "tolerance {}, max_iterations {}", o.tolerance, o.max_iterations);
    const std::int64_t size = map.domain().size();
    if (b.rank() < 1 || b.rank() > 2 || b.size(-1) != size || b.dtype() != map.domain().dtype())
      fail(b.dtype() != map.domain().dtype() ? ErrorCode::dtype : ErrorCode::shape, who,
           "right-hand sides are [{}] or [n, {}] {}, these are {}", size, size,
           map.domain().dtype(), b.spec());
    if (options_.tolerance == 0)
      options_.tolerance = map.domain().dtype() == DType::f32 ? 1e-4 : 1e-8;
    if (options_.max_iterations == 0)
      options_.max_iterations = std::min<std::int64_t>(10 * size, 10000);
    b_ = vector_ ? b.unsqueeze(0) : b;
    lengths_ = row_norms(b_);
    open_.assign(lengths_.size(), true);
    look(b_);
  }

  std::size_t n() const { return lengths_.size(); }
  const Tensor& b() const { return b_; }
  std::int64_t iterations() const { return iterations_; }
  /// Row i is not solved yet.
  bool open(std::size_t i) const { return open_[i]; }
  bool done() const { return std::ranges::find(open_, true) == open_.end(); }
  Tensor zeros() const { return Tensor::zeros(b_.shape(), b_.dtype(), b_.device()); }
  Tensor product(const Tensor& v) const { return map_.apply_batch(v); }
  Tensor preconditioned(const Tensor& v) const {
    return options_.preconditioner ? options_.preconditioner->apply_batch(v) : v;
  }

  /// After an iteration: which rows are solved by these residuals.
  void step(const Tensor& residuals, const std::function<void(double)>& pause) {
    ++iterations_;
    look(residuals);
    if (pause) pause(greatest_);
    if (!done() && iterations_ >= options_.max_iterations) not_solved();
  }
  [[noreturn]] void not_solved() const {
    fail_hint(ErrorCode::numeric, who_,
              "allow more iterations, give a preconditioner, or add c * identity_map; a singular "
              "map has solutions for right-hand sides in its range only",
              "after {} iterations with {} the residual is {:.1e} |b|, not {:.1e} |b|", iterations_,
              map_.name(), greatest_, options_.tolerance);
  }
  Solution solution(const Tensor& x) const {
    Scalars left = row_norms((Var(b_) - Var(product(x))).tensor());
    for (std::size_t i = 0; i < left.size(); ++i) left[i] = relative(left[i], i);
    return {vector_ ? x.select(0, 0) : x, left, iterations_};
  }

 private:
  double relative(double residual, std::size_t i) const {
    return lengths_[i] > 0 ? residual / lengths_[i] : residual;
  }
  void look(const Tensor& residuals) {
    const Scalars left = row_norms(residuals);
    greatest_ = 0;
    for (std::size_t i = 0; i < left.size(); ++i) {
      if (open_[i]) open_[i] = relative(left[i], i) > options_.tolerance;
      greatest_ = std::max(greatest_, relative(left[i], i));
    }
  }

  const std::string_view who_;
  const LinearMap map_;
  SolveOptions options_;
  const bool vector_;
  Tensor b_;
  Scalars lengths_;
  std::vector<bool> open_;
  std::int64_t iterations_ = 0;
  double greatest_ = 0;
};

[[noreturn]] void no_preconditioner(std::string_view who, double product) {
  fail_hint(ErrorCode::numeric, who, "it has to be positive definite, as A^-1 for a positive A",
            "<r, M r> = {:.3g} for the preconditioner M and a residual r", product);
}

}  // namespace

Solution cg(const LinearMap& map, const Tensor& b, const SolveOptions& options,
            const std::function<void(double)>& pause) {
  Problem problem("cg", map, b, options);
  const std::size_t n = problem.n();
  Tensor x = problem.zeros(), r = problem.b(), z = problem.preconditioned(r), p = z;
  Scalars rz = row_dots(r, z);
  while (!problem.done()) {
    const Tensor ap = problem.product(p);
    const Scalars curvature = row_dots(p, ap), lengths = row_dots(p, p);
    for (std::size_t i = 0; i < n; ++i) {
      if (!problem.open(i)) continue;
      if (!(rz[i] > 0)) no_preconditioner("cg", rz[i]);
      if (!(curvature[i] > 0))
        fail_hint(ErrorCode::numeric, "cg", "use minres, or damp it: map + c * identity_map",
                  "{} is not positive definite: in iteration {} <p, A p> = {:.3g} <p, p>",
                  map.name(), problem.iterations() + 1, curvature[i] / lengths[i]);
    }
    const auto open = [&](std::size_t i, double value) { return problem.open(i) ? value : 0; };
    const Scalars step = each(n, [&](std::size_t i) { return open(i, rz[i] / curvature[i]); });
    x = plus(x, step, p);
    r = plus(r, each(n, [&](std::size_t i) { return -step[i]; }), ap);
    problem.step(r, pause);
    z = problem.preconditioned(r);
    const Scalars before = std::exchange(rz, row_dots(r, z));
    p = plus(z, each(n, [&](std::size_t i) { return open(i, rz[i] / before[i]); }), p);
  }
  return problem.solution(x);
}

// Lanczos' recurrence A Z = V T, whose tridiagonal T is made triangular by one rotation (c, s) a
// step; the notation is that of Elman, Silvester and Wathen 2014, "Finite elements and fast
// iterative solvers", algorithm 4.1. Rows that are solved get factors of zero.
Solution minres(const LinearMap& map, const Tensor& b, const SolveOptions& options,
                const std::function<void(double)>& pause) {
  Problem problem("minres", map, b, options);
  const std::size_t n = problem.n();
  Tensor x = problem.zeros(), r = problem.b(), v = r, v_old = x, w = x, w_old = x,
         z = problem.preconditioned(v);
  const auto length = [&](const Tensor& a, const Tensor& c) {
    Scalars squares = row_dots(a, c);
    return each(n, [&](std::size_t i) {
      if (squares[i] < 0 && problem.open(i)) no_preconditioner("minres", squares[i]);
      return std::sqrt(std::max(squares[i], 0.0));
    });
  };
  Scalars gamma = length(z, v), gamma_old(n, 1), eta = gamma, c(n, 1), c_old(n, 1), s(n, 0),
          s_old(n, 0);
  while (!problem.done()) {
    const auto rows = [&](const std::function<double(std::size_t)>& f) {
      return each(n, [&](std::size_t i) { return problem.open(i) ? f(i) : 0; });
    };
    z = scaled_rows(z, rows([&](std::size_t i) { return 1 / gamma[i]; }));
    const Tensor az = problem.product(z);
    const Scalars delta = row_dots(az, z);
    Tensor v_new = plus(az, rows([&](std::size_t i) { return -delta[i] / gamma[i]; }), v);
    v_new = plus(v_new, rows([&](std::size_t i) { return -gamma[i] / gamma_old[i]; }), v_old);
    const Tensor z_new = problem.preconditioned(v_new);
    const Scalars gamma_new = length(z_new, v_new);

    const Scalars a0 = rows(
                      [&](std::size_t i) { return c[i] * delta[i] - c_old[i] * s[i] * gamma[i]; }),
                  a1 = rows([&](std::size_t i) { return std::hypot(a0[i], gamma_new[i]); }),
                  a2 = rows(
                      [&](std::size_t i) { return s[i] * delta[i] + c_old[i] * c[i] * gamma[i]; }),
                  a3 = rows([&](std::size_t i) { return s_old[i] * gamma[i]; });
    for (std::size_t i = 0; i < n; ++i)  // nothing further to reach, and a residual that is left
      if (problem.open(i) && a1[i] == 0) problem.not_solved();
    c_old = std::exchange(c, rows([&](std::size_t i) { return a0[i] / a1[i]; }));
    s_old = std::exchange(s, rows([&](std::size_t i) { return gamma_new[i] / a1[i]; }));

    Tensor w_new = plus(z, rows([&](std::size_t i) { return -a3[i]; }), w_old);
    w_new = plus(w_new, rows([&](std::size_t i) { return -a2[i]; }), w);
    w_new = scaled_rows(w_new, rows([&](std::size_t i) { return 1 / a1[i]; }));
    x = plus(x, rows([&](std::size_t i) { return c[i] * eta[i]; }), w_new);
    eta = rows([&](std::size_t i) { return -s[i] * eta[i]; });
    // The residual by its own recurrence: |eta| is its length in the norm of the preconditioner.
    r = scaled_rows(r, each(n, [&](std::size_t i) { return problem.open(i) ? s[i] * s[i] : 1; }));
    r = plus(
        r, rows([&](std::size_t i) { return gamma_new[i] > 0 ? c[i] * eta[i] / gamma_new[i] : 0; }),
        v_new);
    v_old = std::exchange(v, v_new), w_old = std::exchange(w, w_new), z = z_new;
    gamma_old = std::exchange(gamma, gamma_new);
    problem.step(r, pause);
  }
  return problem.solution(x);
}

}  // namespace sonde
