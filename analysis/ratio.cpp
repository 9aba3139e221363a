#include "analysis/ratio.hpp"

#include <cmath>

#include "analysis/statistics.hpp"
#include "tensor/error.hpp"

namespace sonde {
namespace {

double covariance(std::span<const double> x, std::span<const double> y) {
  const double mean_x = mean(x), mean_y = mean(y);
  double total = 0;
  for (std::size_t i = 0; i < x.size(); ++i) total += (x[i] - mean_x) * (y[i] - mean_y);
  return total / static_cast<double>(x.size() - 1);
}

}  // namespace

Estimate ratio_of_means(std::span<const double> over, std::span<const double> under) {
  if (over.size() != under.size() || over.empty())
    fail(ErrorCode::value, "ratio_of_means", "{} items over {}", over.size(), under.size());
  const double a = mean(over), b = mean(under), n = static_cast<double>(over.size());
  if (b == 0) fail(ErrorCode::value, "ratio_of_means", "the mean below is 0");
  Estimate ratio{.value = a / b, .n = static_cast<std::int64_t>(over.size())};
  if (over.size() < 2) return ratio;
  // (a - r b)^2 = t^2 Var(over - r under) / n, a quadratic equation in r.
  const double t = student_t_quantile(0.975, n - 1), scale = t * t / n;
  const double square = b * b - scale * covariance(under, under),
               half = a * b - scale * covariance(over, under),
               constant = a * a - scale * covariance(over, over);
  if (square <= 0) return ratio;
  const double root = std::sqrt(std::max(0.0, half * half - square * constant));
  ratio.ci95 = Interval{(half - root) / square, (half + root) / square};
  return ratio;
}

}  // namespace sonde
