#include "analysis/slq.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "analysis/lanczos.hpp"
#include "analysis/statistics.hpp"
#include "autograd/ops.hpp"

namespace sonde {
namespace {

// The diagonal and the one beside it of one probe's tridiagonal matrix.
struct Tridiagonal {
  std::vector<double> diagonal, beside;
};

Quadrature quadrature(const Tridiagonal& t) {
  const auto m = static_cast<std::int64_t>(t.diagonal.size());
  Tensor matrix = Tensor::zeros({m, m}, DType::f64);
  double* a = matrix.mutable_data<double>();
  for (std::int64_t i = 0; i < m; ++i) {
    a[i * m + i] = t.diagonal[static_cast<std::size_t>(i)];
    if (i + 1 < m) a[(i + 1) * m + i] = a[i * m + i + 1] = t.beside[static_cast<std::size_t>(i)];
  }
  const Eigh e = eigh(matrix);
  Quadrature q{e.values.tensor().to_vector<double>(),
               square(select(e.vectors, 0, 0)).tensor().to_vector<double>()};
  const double total = std::accumulate(q.weights.begin(), q.weights.end(), 0.0);
  if (!(std::abs(total - 1) <= 1e-12))
    fail(ErrorCode::numeric, "slq", "the weights of a quadrature sum to 1 + {:.1e}", total - 1);
  return q;
}

// Lanczos' recurrence for several probes side by side, one product for all of them a step. A basis
// [p, m, n] is kept and every vector orthogonalised against it twice: rounding would otherwise give
// copies of eigenvalues and false weights.
class Recurrences {
 public:
  Recurrences(const LinearMap& map, const Tensor& starts, std::int64_t steps)
      : map_(map),
        basis_(Tensor::empty({starts.size(0), steps, starts.size(1)}, starts.dtype(),
                             starts.device())),
        next_(unit(starts, row_norms(starts))),
        found_(static_cast<std::size_t>(starts.size(0))),
        scales_(found_.size()) {}

  void step() {
    basis_.select(1, done_++).copy_from(next_);
    const Tensor product = map_.apply_batch(next_);
    const std::vector<double> along = row_dots(next_, product), lengths = row_norms(product);
    const Tensor rest = without_basis(without_basis(product));
    std::vector<double> norms = row_norms(rest);
    for (std::size_t p = 0; p < found_.size(); ++p) {
      if (ended(p)) continue;
      found_[p].diagonal.push_back(along[p]);
      scales_[p] = std::max(scales_[p], lengths[p]);
      // What is left is rounding: the Krylov space ends here, and the quadrature is exact.
      if (norms[p] <= 100 * epsilon_of(rest.dtype()) * scales_[p]) norms[p] = 0;
      found_[p].beside.push_back(norms[p]);
    }
    for (std::size_t p = 0; p < found_.size(); ++p)
      if (ended(p)) norms[p] = 0;
    next_ = unit(rest, norms);
  }
  const std::vector<Tridiagonal>& found() const { return found_; }

 private:
  bool ended(std::size_t p) const {
    return !found_[p].beside.empty() && found_[p].beside.back() == 0;
  }
  // Rows of norm 1, or of zeros where the norm is 0.
  static Tensor unit(const Tensor& rows, std::vector<double> norms) {
    for (double& v : norms) v = v > 0 ? 1 / v : 0;
    return scaled_rows(rows, norms);
  }
  Tensor without_basis(const Tensor& rows) const {
    const Var basis = basis_.slice(1, 0, done_), columns = unsqueeze(rows, 2);
    const Var along = matmul(basis, columns);  // [p, done, 1]
    return (columns - matmul(basis, along, {.a = true})).tensor().squeeze(2);
  }

  const LinearMap map_;
  Tensor basis_;
  Tensor next_;
  std::vector<Tridiagonal> found_;
  std::vector<double> scales_;  // |A| as each probe has seen it
  std::int64_t done_ = 0;
};

double gaussian(double t, double width) {
  const double z = t / width;
  return std::exp(-z * z / 2) / (width * std::sqrt(2 * std::numbers::pi));
}

double weighted(const Quadrature& q, const std::function<double(double)>& f) {
  double sum = 0;
  for (std::size_t i = 0; i < q.nodes.size(); ++i) sum += q.weights[i] * f(q.nodes[i]);
  return sum;
}

Interval span(const std::vector<Quadrature>& probes) {
  Interval all{probes[0].nodes.front(), probes[0].nodes.back()};
  for (const Quadrature& q : probes)
    all = {std::min(all.low, q.nodes.front()), std::max(all.high, q.nodes.back())};
  return all;
}

}  // namespace

Slq::Slq(const LinearMap& map, const SlqOptions& o, const std::function<void(double)>& pause)
    : size_(map.domain().size()) {
  if (o.probes < 1 || o.first < 0 || o.steps < 1 || o.batch < 1 || size_ < 1)
    fail(ErrorCode::value, "slq", "{} probes from {} on, {} steps, batches of {}, {} dimensions",
         o.probes, o.first, o.steps, o.batch, size_);
  check_symmetric(map, "slq", philox::child(o.key, 1));
  const std::int64_t steps = std::min(o.steps, size_);
  for (std::int64_t begin = 0; begin < o.probes; begin += o.batch) {
    const std::int64_t end = std::min(begin + o.batch, o.probes);
    Recurrences recurrences(
        map,
        random_rows(philox::child(o.key, 0), o.first + begin, o.first + end, map.domain(), o.probe),
        steps);
    for (std::int64_t step = 1; step <= steps; ++step) {
      recurrences.step();
      if (pause)
        pause(static_cast<double>(begin * steps + (end - begin) * step) /
              static_cast<double>(o.probes * steps));
    }
    for (const Tridiagonal& t : recurrences.found()) probes_.push_back(quadrature(t));
  }
}

Slq::Slq(std::int64_t size, std::vector<Quadrature> probes)
    : size_(size), probes_(std::move(probes)) {
  if (probes_.empty() || size < 1)
    fail(ErrorCode::value, "slq", "{} quadratures, {} dimensions", probes_.size(), size);
}

Estimate Slq::mean_of(const std::function<double(double)>& f) const {
  std::vector<double> values;
  for (const Quadrature& q : probes_) values.push_back(weighted(q, f));
  return mean_over_units(values);
}

Estimate Slq::trace(const std::function<double(double)>& f) const {
  return mean_of([&](double t) { return static_cast<double>(size_) * f(t); });
}

Estimate Slq::moment(int k) const {
  return mean_of([k](double t) { return std::pow(t, k); });
}

Density Slq::density(const DensityOptions& o) const {
  if (o.points < 2 || !(o.width >= 0) || !(o.range.low <= o.range.high))
    fail(ErrorCode::value, "slq", "a density on {} points from {} to {}, width {}", o.points,
         o.range.low, o.range.high, o.width);
  const Interval nodes = span(probes_);
  Density out;
  out.width = o.width > 0 ? o.width : (nodes.high - nodes.low) / 100;
  // All nodes in one place, up to rounding: any width shows it.
  const double place = std::max(std::abs(nodes.low), std::abs(nodes.high));
  if (o.width == 0 && out.width <= 1e-12 * place) out.width = place > 0 ? place / 100 : 1;
  const Interval range = o.range.low < o.range.high
                             ? o.range
                             : Interval{nodes.low - 4 * out.width, nodes.high + 4 * out.width};
  for (std::int64_t i = 0; i < o.points; ++i) {
    const double t = range.low + (range.high - range.low) * static_cast<double>(i) /
                                     static_cast<double>(o.points - 1);
    out.grid.push_back(t);
    out.values.push_back(mean_of([&](double node) { return gaussian(t - node, out.width); }));
  }
  return out;
}

}  // namespace sonde
