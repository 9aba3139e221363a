#include "analysis/lanczos.hpp"

#include <algorithm>
#include <cmath>

#include "analysis/krylov_basis.hpp"
#include "autograd/ops.hpp"

namespace sonde {
namespace {

LanczosOptions resolved(const LinearMap& map, LanczosOptions o) {
  const std::int64_t size = map.domain().size(), wanted = o.largest + o.smallest;
  if (o.largest < 0 || o.smallest < 0 || wanted < 1 || std::max(o.largest, o.smallest) > size)
    fail(ErrorCode::value, "lanczos", "{} largest and {} smallest eigenvalues of a {} x {} map",
         o.largest, o.smallest, size, size);
  if (o.tolerance < 0 || o.block < 1 || o.basis < 0 || o.max_products < 0)
    fail(ErrorCode::value, "lanczos", "tolerance {}, block {}, basis {}, max_products {}",
         o.tolerance, o.block, o.basis, o.max_products);
  if (o.tolerance == 0) o.tolerance = map.domain().dtype() == DType::f32 ? 1e-5 : 1e-10;
  o.block = std::min(o.block, size);
  const std::int64_t least = std::min(size, wanted + 3 * o.block);
  if (o.basis == 0) {
    const std::int64_t bytes_of_one =
        std::max<std::int64_t>(size, 1) * size_of(map.domain().dtype());
    o.basis = std::max({3 * wanted, wanted + 40 + 4 * o.block, (32 << 20) / bytes_of_one});
  }
  o.basis = std::min(o.basis, size);
  if (o.basis < least)
    fail_hint(ErrorCode::value, "lanczos", fmt::format("use {} or more", least),
              "a basis of {} vectors has no room for {} eigenvectors and blocks of {}", o.basis,
              wanted, o.block);
  if (o.max_products == 0) o.max_products = 100 * o.basis + 10 * size;
  return o;
}

// Positions of the wanted Ritz values, and of those kept in a restart, among the ascending ones.
struct Ends {
  std::int64_t smallest, largest;  // of either end

  std::vector<std::int64_t> positions(std::int64_t rows) const {
    std::vector<std::int64_t> found;
    for (std::int64_t i = 0; i < rows; ++i)
      if (i < smallest || i >= rows - largest) found.push_back(i);
    return found;
  }
  // A third of the vectors beyond the wanted ones is kept too: what lies next to the wanted ends
  // would otherwise be computed again in every cycle.
  Ends thickened(std::int64_t rows) const {
    const std::int64_t more = (rows - smallest - largest) / 3;
    if (smallest == 0) return {0, largest + more};
    if (largest == 0) return {smallest + more, 0};
    return {smallest + more / 2, largest + more / 2};
  }
};

EigenPairs pairs(const KrylovBasis& basis, const RitzPairs& ritz,
                 const std::vector<std::int64_t>& at) {
  EigenPairs out;
  for (const std::int64_t i : at) {
    out.values.push_back(ritz.values[static_cast<std::size_t>(i)]);
    out.residuals.push_back(ritz.residuals[static_cast<std::size_t>(i)]);
  }
  out.vectors = basis.vectors(ritz, at);
  return out;
}

Spectrum spectrum(const KrylovBasis& basis, const RitzPairs& ritz, Ends ends) {
  std::vector<std::int64_t> bottom, top;
  for (std::int64_t i = 0; i < ends.smallest; ++i) bottom.push_back(i);
  for (std::int64_t i = 0; i < ends.largest; ++i) top.push_back(basis.rows() - 1 - i);
  return {.largest = pairs(basis, ritz, top),
          .smallest = pairs(basis, ritz, bottom),
          .norm = ritz.norm(),
          .products = basis.products()};
}

void measure_residuals(const LinearMap& map, EigenPairs& pairs) {
  if (pairs.values.empty()) return;
  const Var expected = scaled_rows(pairs.vectors, pairs.values);
  pairs.residuals = row_norms((Var(map.apply_batch(pairs.vectors)) - expected).tensor());
}

// Decides when the wanted pairs are found.
//
// Residuals tell that they are pairs of A, not that none is missing: further copies of a multiple
// eigenvalue are orthogonal to all that the start vectors lead to. A random direction meets them,
// and finds them in about as many products as the others took, on the same spectrum.
class Judge {
 public:
  enum class Verdict { go_on, follow, found };

  Judge(Ends ends, const LanczosOptions& o)
      // What is left of a residual when another direction is followed adds to the next: hence half.
      : ends_(ends), confirm_(o.confirm), tolerance_(o.confirm ? o.tolerance / 2 : o.tolerance) {}

  Verdict look(const KrylovBasis& basis, const RitzPairs& ritz) {
    if (basis.complete()) return Verdict::found;
    if (!converged(basis, ritz)) return Verdict::go_on;
    if (!confirm_) return Verdict::found;
    if (!basis.invariant() && basis.products() < follow_until_) return Verdict::go_on;
    if (same(ritz.norm())) return Verdict::found;
    if (first_products_ == 0) first_products_ = basis.products();
    follow_until_ = basis.products() + first_products_;
    before_ = values_;
    return Verdict::follow;
  }
  std::int64_t converged() const { return converged_; }
  double greatest_residual() const { return greatest_; }

 private:
  bool converged(const KrylovBasis& basis, const RitzPairs& ritz) {
    values_.clear();
    converged_ = 0;
    greatest_ = 0;
    if (basis.rows() < ends_.smallest + ends_.largest) return false;
    for (const std::int64_t i : ends_.positions(basis.rows())) {
      const auto at = static_cast<std::size_t>(i);
      values_.push_back(ritz.values[at]);
      if (ritz.residuals[at] <= tolerance_ * ritz.norm()) ++converged_;
      greatest_ = std::max(greatest_, ritz.residuals[at]);
    }
    return converged_ == static_cast<std::int64_t>(values_.size());
  }
  bool same(double norm) const {
    return std::ranges::equal(values_, before_, [&](double a, double b) {
      return std::abs(a - b) <= 2 * tolerance_ * norm;
    });
  }

  const Ends ends_;
  const bool confirm_;
  const double tolerance_;
  std::vector<double> values_, before_;  // wanted: now, and when a direction was last followed
  std::int64_t first_products_ = 0, follow_until_ = 0, converged_ = 0;
  double greatest_ = 0;
};

// A look decomposes H, rows^3: all of them together cost a few times the last one.
std::int64_t after_look(std::int64_t rows) {
  return rows + std::max<std::int64_t>(8, rows / 6);
}

[[noreturn]] void not_found(const LinearMap& map, const LanczosOptions& o, const KrylovBasis& basis,
                            const Judge& judge, double norm) {
  fail_hint(ErrorCode::numeric, "lanczos",
            fmt::format("allow more products, a larger basis than {}, or a tolerance of {:.1e}",
                        o.basis, judge.greatest_residual() / norm),
            "after {} products with {}, {} of {} eigenvalues have a residual below {:.1e} |A|{}",
            basis.products(), map.name(), judge.converged(), o.largest + o.smallest, o.tolerance,
            judge.converged() < o.largest + o.smallest ? "" : ", but are not confirmed");
}

}  // namespace

void check_symmetric(const LinearMap& map, std::string_view who, philox::Key key) {
  if (!map.symmetric())
    fail_hint(ErrorCode::usage, who,
              "gram_map(A) = A'A is symmetric: its eigenvalues are the squared singular values",
              "needs a symmetric map, {} is not known to be one", map.name());
  const Tensor x = random_rows(key, 0, 2, map.domain());
  const Tensor ax = map.apply_batch(x);
  const std::vector<double> crossed = row_dots(x.flip({0}), ax), norms = row_norms(x),
                            product_norms = row_norms(ax);
  const double scale = norms[0] * product_norms[1] + norms[1] * product_norms[0];
  if (std::abs(crossed[0] - crossed[1]) > std::pow(epsilon_of(x.dtype()), 0.75) * scale)
    fail_hint(ErrorCode::numeric, who,
              "its products depend on more than the vector (dropout, shuffled data), or its "
              "symmetric() is wrong",
              "{} claims to be symmetric, but <u, A v> = {} and <A u, v> = {} for random u and v",
              map.name(), crossed[0], crossed[1]);
}

Spectrum lanczos(const LinearMap& map, const LanczosOptions& options,
                 const std::function<void(std::int64_t)>& pause) {
  check_symmetric(map, "lanczos", philox::child(options.key, 0));
  const LanczosOptions o = resolved(map, options);
  const Ends ends{o.smallest, o.largest};
  const double negligible = std::max(10 * epsilon_of(map.domain().dtype()), o.tolerance / 100);
  KrylovBasis basis(map, o.basis, o.block, negligible, philox::child(o.key, 1));
  Judge judge(ends, o);
  std::int64_t restarts = 0, next_look = 0;
  for (;;) {
    basis.expand();
    if (pause) pause(basis.products());
    if (!basis.full() && !basis.invariant() && basis.rows() < next_look) continue;
    const RitzPairs ritz = basis.ritz();
    const Judge::Verdict verdict = judge.look(basis, ritz);
    if (verdict == Judge::Verdict::found) {
      Spectrum found = spectrum(basis, ritz, ends);
      found.restarts = restarts;
      if (o.confirm)
        for (EigenPairs* end : {&found.largest, &found.smallest}) measure_residuals(map, *end);
      return found;
    }
    if (basis.products() >= o.max_products) not_found(map, o, basis, judge, ritz.norm());
    if (verdict == Judge::Verdict::follow) basis.redirect();
    if (basis.full()) {
      basis.restart(ritz, ends.thickened(basis.rows()).positions(basis.rows()));
      ++restarts;
    }
    next_look = after_look(basis.rows());
  }
}

}  // namespace sonde
