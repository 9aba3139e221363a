#include "analysis/cube_spectrum.hpp"

#include <bit>
#include <cmath>

#include "autograd/ops.hpp"

namespace sonde {
namespace {

// Rows 0 ... n of Pascal's triangle.
std::vector<std::vector<double>> binomials(int n) {
  std::vector<std::vector<double>> c(static_cast<std::size_t>(n) + 1);
  for (std::size_t i = 0; i < c.size(); ++i) {
    c[i].assign(c.size(), 0.0);
    c[i][0] = 1;
    for (std::size_t j = 1; j <= i; ++j) c[i][j] = c[i - 1][j - 1] + c[i - 1][j];
  }
  return c;
}

// Krawtchouk's polynomial: the sum of a monomial of degree k over the points with r coordinates -1.
double krawtchouk(const std::vector<std::vector<double>>& c, std::size_t d, std::size_t k,
                  std::size_t r) {
  double sum = 0;
  for (std::size_t j = 0; j <= std::min(k, r); ++j)
    sum += (j % 2 ? -1.0 : 1.0) * c[k][j] * c[d - k][r - j];
  return sum;
}

}  // namespace

std::vector<double> cube_kernel_eigenvalues(const std::function<double(double)>& phi, int d) {
  if (d < 1 || d > 30)
    fail(ErrorCode::value, "cube_kernel_eigenvalues", "dimension {} is not in 1 ... 30", d);
  const auto c = binomials(d);
  const auto n = static_cast<std::size_t>(d);
  std::vector<double> mu(n + 1, 0.0);
  for (std::size_t k = 0; k <= n; ++k)
    for (std::size_t r = 0; r <= n; ++r)
      mu[k] += std::ldexp(phi(1 - 2 * static_cast<double>(r) / d) * krawtchouk(c, n, k, r), -d);
  return mu;
}

std::vector<double> cube_spectrum(const Tensor& features) {
  const Tensor by_set = walsh_hadamard(features);
  const std::int64_t points = features.size(0);
  const int d = std::countr_zero(static_cast<std::uint64_t>(points));
  const Var transformed = reshape(by_set, {points, features.numel() / points});
  const std::vector<double> power =
      sum(transformed * transformed, {1}).tensor().to_vector<double>();
  std::vector<double> mean(static_cast<std::size_t>(d) + 1, 0.0), count(mean.size(), 0.0);
  for (std::size_t u = 0; u < power.size(); ++u) {
    const auto degree = static_cast<std::size_t>(std::popcount(u));
    mean[degree] += power[u];
    ++count[degree];
  }
  for (std::size_t k = 0; k < mean.size(); ++k) mean[k] /= count[k];
  return mean;
}

}  // namespace sonde
