#include "analysis/regression.hpp"

#include <algorithm>
#include <cmath>

#include "analysis/statistics.hpp"
#include "tensor/error.hpp"

namespace sonde {

LinearRegression linear_regression(std::span<const double> x, std::span<const double> y) {
  if (x.size() != y.size() || x.size() < 3)
    fail(ErrorCode::value, "linear_regression", "of {} x and {} y: three of each are needed",
         x.size(), y.size());
  const double b = slope(x, y), xx = variance(x), yy = variance(y);
  const double dof = static_cast<double>(x.size()) - 2;
  LinearRegression line{.slope = {.value = b, .n = static_cast<std::int64_t>(x.size())},
                        .intercept = mean(y) - b * mean(x)};
  if (yy > 0) line.r = std::clamp(b * std::sqrt(xx / yy), -1.0, 1.0);
  const double unexplained = (1 - line.r) * (1 + line.r);  // of the variance of y
  const double error = std::sqrt(unexplained * yy / xx / dof),
               reach = student_t_quantile(0.975, dof) * error;
  line.slope.std_error = error;
  line.slope.ci95 = Interval{b - reach, b + reach};
  // t^2 = dof r^2 / (1 - r^2), so that dof / (dof + t^2) = 1 - r^2.
  line.p = incomplete_beta(dof / 2, 0.5, unexplained);
  return line;
}

}  // namespace sonde
