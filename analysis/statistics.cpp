#include "analysis/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "tensor/error.hpp"

namespace sonde {
namespace {

// Continued fraction of the incomplete beta function (DLMF 8.17.22), evaluated by the modified
// Lentz algorithm.
double beta_fraction(double a, double b, double x) {
  constexpr double tiny = 1e-300;
  auto guarded = [](double v) { return std::abs(v) < tiny ? tiny : v; };
  double c = 1, d = 1 / guarded(1 - (a + b) * x / (a + 1)), h = d;
  for (int i = 1; i < 10000; ++i) {
    const double even = i * (b - i) * x / ((a + 2 * i - 1) * (a + 2 * i));
    d = 1 / guarded(1 + even * d);
    c = guarded(1 + even / c);
    h *= d * c;
    const double odd = -(a + i) * (a + b + i) * x / ((a + 2 * i) * (a + 2 * i + 1));
    d = 1 / guarded(1 + odd * d);
    c = guarded(1 + odd / c);
    h *= d * c;
    if (std::abs(d * c - 1) < std::numeric_limits<double>::epsilon()) break;
  }
  return h;
}

// A uniform index below n from 64 random bits: the high half of the 128-bit product (bias below n /
// 2^64).
std::size_t index_below(std::mt19937_64& bits, std::size_t n) {
  return static_cast<std::size_t>((static_cast<unsigned __int128>(bits()) * n) >> 64);
}

double replicate(std::span<const Sample> units, std::mt19937_64& bits) {
  double total = 0;
  for (std::size_t u = 0; u < units.size(); ++u) {
    const Sample& unit = units[units.size() == 1 ? 0 : index_below(bits, units.size())];
    double sum = 0;
    for (std::size_t i = 0; i < unit.size(); ++i) sum += unit[index_below(bits, unit.size())];
    total += sum / static_cast<double>(unit.size());
  }
  return total / static_cast<double>(units.size());
}

}  // namespace

double mean(std::span<const double> sample) {
  if (sample.empty()) fail(ErrorCode::value, "mean", "the sample is empty");
  double sum = 0;
  for (double v : sample) sum += v;
  return sum / static_cast<double>(sample.size());
}

double variance(std::span<const double> sample) {
  if (sample.size() < 2)
    fail(ErrorCode::value, "variance", "needs two items, got {}", sample.size());
  const double centre = mean(sample);
  double sum = 0;
  for (double v : sample) sum += (v - centre) * (v - centre);
  return sum / static_cast<double>(sample.size() - 1);
}

double quantile(std::span<const double> sample, double p) {
  if (sample.empty()) fail(ErrorCode::value, "quantile", "the sample is empty");
  if (!(p >= 0 && p <= 1)) fail(ErrorCode::value, "quantile", "p = {} is outside [0, 1]", p);
  Sample sorted(sample.begin(), sample.end());
  std::sort(sorted.begin(), sorted.end());
  const double position = p * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const auto above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], position - static_cast<double>(below));
}

double slope(std::span<const double> x, std::span<const double> y) {
  if (x.size() != y.size() || x.size() < 2)
    fail(ErrorCode::value, "slope", "of {} x and {} y", x.size(), y.size());
  const double mx = mean(x), my = mean(y);
  double xx = 0, xy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mx) * (x[i] - mx);
    xy += (x[i] - mx) * (y[i] - my);
  }
  if (xx == 0) fail(ErrorCode::value, "slope", "of points with one x, {}", x[0]);
  return xy / xx;
}

double incomplete_beta(double a, double b, double x) {
  if (!(a > 0 && b > 0 && x >= 0 && x <= 1))
    fail(ErrorCode::value, "incomplete_beta", "needs a, b > 0 and x in [0, 1], got {}, {}, {}", a,
         b, x);
  if (x == 0 || x == 1) return x;
  // The fraction converges fast on the left of the mean; the symmetry I_x(a,b) = 1 - I_{1-x}(b,a)
  // serves the right.
  if (x > (a + 1) / (a + b + 2)) return 1 - incomplete_beta(b, a, 1 - x);
  const double log_front =
      a * std::log(x) + b * std::log1p(-x) + std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b);
  return std::exp(log_front) * beta_fraction(a, b, x) / a;
}

double student_t_cdf(double t, double dof) {
  const double tail = 0.5 * incomplete_beta(dof / 2, 0.5, dof / (dof + t * t));
  return t > 0 ? 1 - tail : tail;
}

double student_t_quantile(double p, double dof) {
  if (!(p > 0 && p < 1 && dof > 0))
    fail(ErrorCode::value, "student_t_quantile", "needs 0 < p < 1 and dof > 0, got {}, {}", p, dof);
  if (p < 0.5) return -student_t_quantile(1 - p, dof);
  double low = 0, high = 1;
  while (student_t_cdf(high, dof) < p) high *= 2;
  for (int i = 0; i < 200 && low < high; ++i) {  // bisection to the last bit
    const double middle = 0.5 * (low + high);
    if (middle == low || middle == high) break;
    (student_t_cdf(middle, dof) < p ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

Estimate mean_over_units(std::span<const double> values, std::int64_t items_each) {
  const auto n = static_cast<std::int64_t>(values.size());
  Estimate e{.value = mean(values), .n = n, .m = items_each};
  if (n < 2) return e;
  e.std_error = std::sqrt(variance(values) / static_cast<double>(n));
  const double reach = student_t_quantile(0.975, static_cast<double>(n - 1)) * *e.std_error;
  e.ci95 = Interval{e.value - reach, e.value + reach};
  return e;
}

Estimate jackknife(double whole, std::span<const double> without) {
  const auto n = static_cast<double>(without.size());
  std::vector<double> pseudo;
  for (const double v : without) pseudo.push_back(n * whole - (n - 1) * v);
  Estimate e = mean_over_units(pseudo);
  const double bias = e.value - whole;  // small against the error, and left in
  e.value = whole;
  if (e.ci95) e.ci95 = Interval{e.ci95->low - bias, e.ci95->high - bias};
  return e;
}

Estimate proportion(std::int64_t successes, std::int64_t trials) {
  if (trials < 1 || successes < 0 || successes > trials)
    fail(ErrorCode::value, "proportion", "{} successes in {} trials", successes, trials);
  constexpr double z = 1.959963984540054;  // the normal's 97.5 % quantile
  const auto count = static_cast<double>(trials);
  const double p = static_cast<double>(successes) / count;
  const double scale = 1 / (1 + z * z / count), centre = (p + z * z / (2 * count)) * scale;
  const double reach = z * scale * std::sqrt(p * (1 - p) / count + z * z / (4 * count * count));
  return {.value = p,
          .std_error = std::sqrt(p * (1 - p) / count),
          .ci95 = Interval{successes == 0 ? 0 : centre - reach,
                           successes == trials ? 1 : centre + reach},
          .m = trials};
}

Estimate bootstrap_mean(std::span<const Sample> units, std::uint64_t seed, int replicates) {
  if (replicates < 1) fail(ErrorCode::value, "bootstrap_mean", "{} replicates", replicates);
  Sample means;
  for (const Sample& unit : units) means.push_back(mean(unit));
  std::mt19937_64 bits(seed);  // its output is fixed by the C++ standard
  Sample draws(static_cast<std::size_t>(replicates));
  for (double& draw : draws) draw = replicate(units, bits);
  return {.value = mean(means),
          .std_error = replicates > 1 ? std::sqrt(variance(draws)) : 0.0,
          .ci95 = Interval{quantile(draws, 0.025), quantile(draws, 0.975)},
          .n = static_cast<std::int64_t>(units.size()),
          .m = static_cast<std::int64_t>(units.front().size()),
          .seed = seed};
}

}  // namespace sonde
