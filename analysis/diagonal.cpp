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
      return {exact_diagonal(map, o.batch),
              Tensor::zeros({map.domain().size()}, DType::f64, map.domain().device())};
    e = draw(products);
    if (narrow(e, o.tolerance, counts.size())) break;
  }
  return e;
}

DiagonalEstimate xdiag_samples(const LinearMap& map, const Sampling& o, std::int64_t budget) {
  const LeaveOneOut one = leave_one_out(map, budget / 2, Probe::rademacher, o);
  const std::int64_t k = one.tests.size(0);
  const Var q = to(one.basis, DType::f64),
            back = to(products_with(map.transposed(), one.basis, o.batch), DType::f64),
            inside = sum(q * back, {0});  // the diagonal of Q' Q A
  if (one.whole_range)
    return {inside.tensor(), Tensor::full(inside.shape(), one.negligible, DType::f64, q.device()),
            k};
  // Row i for vector i: what its basis lacks, and A' of it.
  const Var directions = one.directions.to(q.device()), along = one.along.to(q.device()),
            lacking = matmul(directions, q, {.a = true}),
            a_lacking = matmul(directions, back, {.a = true}),
            tested = to(one.tests, DType::f64) * lacking * transpose(along);
  const Var values = inside - lacking * a_lacking + tested;
  const Var variances = var(values, {0}) * (shared_variance / static_cast<double>(k));
  return {mean(values, {0}).tensor(), sqrt(variances + one.negligible * one.negligible).tensor(),
          k};
}

}  // namespace

Tensor exact_diagonal(const LinearMap& map, std::int64_t batch) {
  check_square(map, "exact_diagonal");
  const Tensor out = Tensor::empty({map.domain().size()}, DType::f64, map.domain().device());
  for_unit_vectors(
      map, batch, [&](std::int64_t begin, const Tensor& units, const Tensor& products) {
        out.slice(0, begin, begin + units.size(0)).copy_from(row_products(units, products));
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
