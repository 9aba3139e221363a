#include "analysis/diagonal.hpp"

#include <algorithm>
#include <cmath>

#include "analysis/leave_one_out.hpp"
#include "analysis/rows.hpp"
#include "analysis/statistics.hpp"
#include "autograd/ops.hpp"

namespace sonde {
namespace {

double length(const Tensor& v) {
  return row_norms(v.unsqueeze(0))[0];
}

// Mean and error of vectors that come some at a time. Sums are taken of differences from the first
// vector, which costs no digits where all are nearly equal.
class Running {
 public:
  /// rows: f64 [n, size].
  void add(const Tensor& rows) {
    if (!first_) first_ = rows.slice(0, 0, 1);
    const Var d = Var(rows) - Var(first_);
    const Var sum_now = sum(d, {0}), squares_now = sum(square(d), {0});
    sum_ = sum_ ? sum_ + sum_now : sum_now;
    squares_ = squares_ ? squares_ + squares_now : squares_now;
    n_ += rows.size(0);
  }
  std::int64_t n() const { return n_; }
  DiagonalEstimate estimate() const {
    const auto n = static_cast<double>(n_);
    const Var mean = sum_ / n, spread = maximum(squares_ - sum_ * mean, 0.0);
    return {(select(first_, 0, 0) + mean).tensor(), sqrt(spread / (n * (n - 1))).tensor(), n_};
  }

 private:
  Tensor first_;
  Var sum_, squares_;
  std::int64_t n_ = 0;
};

bool narrow(const DiagonalEstimate& e, double tolerance, std::size_t looks) {
  const double outside = 0.025 / static_cast<double>(looks),
               t = student_t_quantile(1 - outside, static_cast<double>(e.n - 1));
  return t * length(e.std_errors) <= tolerance * length(e.values);
}

DiagonalEstimate diagonal_by(std::string_view who, std::int64_t least, const LinearMap& map,
                             const Sampling& o,
                             const std::function<DiagonalEstimate(std::int64_t)>& draw) {
  check_sampling(o, least, who);
  check_square(map, who);
  const std::vector<std::int64_t> counts = looks(o);
  DiagonalEstimate e;
  for (const std::int64_t products : counts) {
    if (products >= map.domain().size())
      return {exact_diagonal(map, o.batch), Tensor::zeros({map.domain().size()}, DType::f64)};
    e = draw(products);
    if (narrow(e, o.tolerance, counts.size())) break;
  }
  return e;
}

// In terms of u_i = Q' s_i, b_i = A' u_i and a_i = <u_i, A w_i>, vector i's estimate is
//   d_i = diag(Q' Q A) - u_i b_i + a_i w_i u_i    (elementwise).
// Where a part of d_i belongs to i and another vector j, d_j has it too: the variance of the d_i,
// over k, misses half of that part's share in the variance of their mean. The jackknife, the spread
// of the means that are left when a vector j is left out altogether, counts it twice (Efron and
// Stein 1981, "The jackknife estimate of variance"). Both are right for what belongs to one vector
// alone. So their geometric mean is right for either kind.
//
// Without j the basis of i lacks u_j as well, or what of it u_i leaves: (u_j - c u_i) / sqrt(1 -
// c^2) with c = <u_i, u_j>. Row j of each matrix belongs to vector j.
DiagonalEstimate xdiag_of(const LeaveOneOut& one, const Var& q, const Var& back,
                          const Var& inside) {
  const std::int64_t k = one.tests.size(0);
  const Var s = one.directions, u = matmul(s, q, {.a = true}), b = matmul(s, back, {.a = true}),
            aw = transpose(one.along) * to(one.tests, DType::f64), ub = u * b;
  const Var c = matmul(s, s, {.a = true}), others = 1.0 - Var(Tensor::eye(k, DType::f64)),
            g = others / maximum(1.0 - square(c), 1e-8), cg = c * g, ccg = c * cg;
  const Var single = inside - ub + aw * u;
  const Var removed =
      sum(g, {1}, true) * ub - u * matmul(cg, b) - b * matmul(cg, u) + matmul(ccg, ub);
  const Var regained = matmul(ccg, aw * u) - u * matmul(cg, aw);
  const auto count = static_cast<double>(k);
  const Var without = (matmul(others, single) - removed + regained) / (count - 1);
  const Var spread = deviance(single, {0}) / (count * (count - 1)),
            jackknife = deviance(without, {0}) * ((count - 1) / count);
  const Var error = sqrt(sqrt(spread * jackknife) + one.negligible * one.negligible);
  return {mean(single, {0}).tensor(), error.tensor(), k};
}

DiagonalEstimate xdiag_samples(const LinearMap& map, const Sampling& o, std::int64_t budget) {
  const LeaveOneOut one = leave_one_out(map, budget / 2, Probe::rademacher, o);
  const Var q = to(one.basis, DType::f64),
            back = to(products_with(map.transposed(), one.basis, o.batch), DType::f64),
            inside = sum(q * back, {0});
  if (!one.whole_range) return xdiag_of(one, q, back, inside);
  return {inside.tensor(), Tensor::full(inside.shape(), one.negligible, DType::f64),
          one.tests.size(0)};
}

}  // namespace

Tensor exact_diagonal(const LinearMap& map, std::int64_t batch) {
  check_square(map, "exact_diagonal");
  Tensor out = Tensor::empty({map.domain().size()}, DType::f64);
  for_unit_vectors(map, batch,
                   [&](std::int64_t begin, const Tensor& units, const Tensor& products) {
                     const std::vector<double> found = row_dots(units, products);
                     std::ranges::copy(found, out.mutable_data<double>() + begin);
                   });
  return out;
}

DiagonalEstimate hutchinson_diagonal(const LinearMap& map, const Sampling& o) {
  Running running;
  return diagonal_by("hutchinson_diagonal", 2, map, o, [&](std::int64_t budget) {
    while (running.n() < budget) {
      const std::int64_t end = std::min(running.n() + o.batch, budget);
      const Tensor z = random_rows(o.key, running.n(), end, map.domain(), Probe::rademacher);
      running.add((to(z, DType::f64) * to(map.apply_batch(z), DType::f64)).tensor());
    }
    return running.estimate();
  });
}

DiagonalEstimate xdiag(const LinearMap& map, const Sampling& o) {
  return diagonal_by("xdiag", 4, map, o,
                     [&](std::int64_t budget) { return xdiag_samples(map, o, budget); });
}

}  // namespace sonde
