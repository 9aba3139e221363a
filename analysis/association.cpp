#include "analysis/association.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "analysis/statistics.hpp"
#include "tensor/error.hpp"

namespace sonde {
namespace {

double two_sided_t(double t, double dof) {
  return 2 * student_t_cdf(-std::abs(t), dof);
}

// Sum of squares of the deviations from the mean.
double spread(std::span<const double> sample) {
  const double centre = mean(sample);
  double sum = 0;
  for (const double v : sample) sum += (v - centre) * (v - centre);
  return sum;
}

// In how many ways n numbers out of 1 ... n + m give U = u, for all u, as shares: Mann and
// Whitney's recursion, the greatest number belonging to the one sample or to the other.
std::vector<double> rank_sum_distribution(std::size_t n, std::size_t m) {
  // shares[i][u] of samples of sizes i and j, for j growing
  std::vector<std::vector<double>> shares(n + 1, std::vector<double>(n * m + 1, 0.0));
  for (std::size_t i = 0; i <= n; ++i) shares[i][0] = 1;
  for (std::size_t j = 1; j <= m; ++j)
    for (std::size_t i = 1; i <= n; ++i) {
      const auto size = static_cast<double>(i + j);
      std::vector<double> next(n * m + 1, 0.0);
      for (std::size_t u = 0; u <= i * j; ++u) {
        const double first = u >= j ? shares[i - 1][u - j] : 0;  // it is in the first sample
        next[u] = (static_cast<double>(i) * first + static_cast<double>(j) * shares[i][u]) / size;
      }
      shares[i] = std::move(next);
    }
  return shares[n];
}

double exact_p(double u, std::size_t n, std::size_t m) {
  const std::vector<double> share = rank_sum_distribution(n, m);
  const double outer = std::max(u, static_cast<double>(n * m) - u);
  double tail = 0;
  for (std::size_t k = static_cast<std::size_t>(outer); k < share.size(); ++k) tail += share[k];
  return std::min(1.0, 2 * tail);
}

// Of groups of t equal items, the sum of t^3 - t.
double ties(std::vector<double> sample) {
  std::ranges::sort(sample);
  double sum = 0;
  for (std::size_t i = 0; i < sample.size();) {
    const auto end = std::ranges::upper_bound(sample, sample[i]) - sample.begin();
    const auto t = static_cast<double>(end) - static_cast<double>(i);
    sum += t * t * t - t;
    i = static_cast<std::size_t>(end);
  }
  return sum;
}

double normal_p(double u, double n, double m, double tie_sum) {
  const double all = n + m;
  const double variance = n * m / 12 * (all + 1 - tie_sum / (all * (all - 1)));
  if (variance <= 0) return 1;  // all items are equal
  const double z = (std::abs(u - n * m / 2) - 0.5) / std::sqrt(variance);
  return std::min(1.0, std::erfc(z / std::sqrt(2.0)));
}

// Of Mann and Whitney's U, two-sided.
double rank_sum_p(double u, std::size_t n, std::size_t m, double tie_sum) {
  constexpr std::size_t small = 8;
  if (std::min(n, m) <= small && tie_sum == 0) return exact_p(u, n, m);
  return normal_p(u, static_cast<double>(n), static_cast<double>(m), tie_sum);
}

}  // namespace

std::vector<double> ranks(std::span<const double> sample) {
  std::vector<std::size_t> order(sample.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) { return sample[a] < sample[b]; });
  std::vector<double> out(sample.size());
  for (std::size_t i = 0; i < order.size();) {
    std::size_t end = i + 1;
    while (end < order.size() && sample[order[end]] == sample[order[i]]) ++end;
    for (std::size_t k = i; k < end; ++k) out[order[k]] = 0.5 * static_cast<double>(i + 1 + end);
    i = end;
  }
  return out;
}

RankTest spearman(std::span<const double> x, std::span<const double> y) {
  if (x.size() != y.size() || x.size() < 3)
    fail(ErrorCode::value, "spearman", "of {} x and {} y; three pairs are needed", x.size(),
         y.size());
  const std::vector<double> rx = ranks(x), ry = ranks(y);
  const double xx = spread(rx), yy = spread(ry);
  if (xx == 0 || yy == 0) fail(ErrorCode::value, "spearman", "all x or all y are the same");
  const double rho = std::clamp(slope(rx, ry) * std::sqrt(xx / yy), -1.0, 1.0);
  const auto dof = static_cast<double>(x.size() - 2);
  return {rho, two_sided_t(rho * std::sqrt(dof / ((1 - rho) * (1 + rho))), dof)};
}

Estimate rank_correlation(std::span<const double> x, std::span<const double> y) {
  const double rho = spearman(x, y).statistic;
  const auto n = static_cast<double>(x.size());
  Estimate e{.value = rho, .n = static_cast<std::int64_t>(x.size())};
  if (n <= 3 || std::abs(rho) == 1) return e;
  constexpr double z = 1.959963984540054;  // the normal's 97.5 % quantile
  const double reach = z * std::sqrt((1 + rho * rho / 2) / (n - 3));
  e.ci95 = Interval{std::tanh(std::atanh(rho) - reach), std::tanh(std::atanh(rho) + reach)};
  return e;
}

RankTest rank_sum(std::span<const double> a, std::span<const double> b) {
  if (a.empty() || b.empty()) fail(ErrorCode::value, "rank_sum", "a sample is empty");
  std::vector<double> all(a.begin(), a.end());
  all.insert(all.end(), b.begin(), b.end());
  const std::vector<double> rank = ranks(all);
  const auto n = static_cast<double>(a.size());
  double u = -n * (n + 1) / 2;
  for (std::size_t i = 0; i < a.size(); ++i) u += rank[i];
  return {u, rank_sum_p(u, a.size(), b.size(), ties(all))};
}

Estimate shift(std::span<const double> a, std::span<const double> b) {
  if (a.empty() || b.empty()) fail(ErrorCode::value, "shift", "a sample is empty");
  std::vector<double> differences;
  for (const double x : a)
    for (const double y : b) differences.push_back(x - y);
  std::ranges::sort(differences);
  Estimate e{.value = quantile(differences, 0.5),
             .n = static_cast<std::int64_t>(a.size() + b.size())};
  // U counts the differences above a shift: the more are left below, the less it is refused.
  const std::size_t all = differences.size();
  std::size_t below = 0;
  while (2 * below < all &&
         rank_sum_p(static_cast<double>(all - below), a.size(), b.size(), 0) < 0.05)
    ++below;
  if (below > 0) e.ci95 = Interval{differences[below - 1], differences[all - below]};
  return e;
}

}  // namespace sonde
