#include "analysis/boolean.hpp"

#include <algorithm>
#include <bit>

#include "autograd/ops.hpp"

namespace sonde {
namespace {

void check_dimension(const char* who, int d) {
  if (d < 1 || d > max_cube_dimension)
    fail(ErrorCode::value, who, "dimension {} is not in 1 ... {}", d, max_cube_dimension);
}

// The d of a table of 2^d values.
int dimension(const char* who, std::size_t size) {
  if (!std::has_single_bit(size) || size < 2 || size > std::size_t{1} << max_cube_dimension)
    fail(ErrorCode::shape, who, "{} values are no table of 2^d with d in 1 ... {}", size,
         max_cube_dimension);
  return std::countr_zero(size);
}

std::int64_t sensitivity_at(std::span<const std::int64_t> table, int d, std::size_t x) {
  std::int64_t count = 0;
  for (int i = 0; i < d; ++i) count += table[x] != table[x ^ std::size_t{1} << i];
  return count;
}

}  // namespace

Tensor cube_points(int d) {
  check_dimension("cube_points", d);
  Tensor points = Tensor::empty({std::int64_t{1} << d, d});
  float* to = points.mutable_data<float>();
  for (std::uint32_t x = 0; x >> d == 0; ++x)
    for (int i = 0; i < d; ++i) *to++ = (x >> i & 1) ? -1.f : 1.f;
  return points;
}

std::vector<std::int64_t> truth_table(const CubeFunction& f, int d) {
  check_dimension("truth_table", d);
  std::vector<std::int64_t> table(std::size_t{1} << d);
  for (std::size_t x = 0; x < table.size(); ++x) table[x] = f(static_cast<std::uint32_t>(x));
  return table;
}

double average_sensitivity(std::span<const std::int64_t> table) {
  const int d = dimension("average_sensitivity", table.size());
  std::int64_t total = 0;
  for (std::size_t x = 0; x < table.size(); ++x) total += sensitivity_at(table, d, x);
  return static_cast<double>(total) / static_cast<double>(table.size());
}

std::int64_t max_sensitivity(std::span<const std::int64_t> table) {
  const int d = dimension("max_sensitivity", table.size());
  std::int64_t greatest = 0;
  for (std::size_t x = 0; x < table.size(); ++x)
    greatest = std::max(greatest, sensitivity_at(table, d, x));
  return greatest;
}

double average_sensitivity(const CubeFunction& f, int d) {
  return average_sensitivity(truth_table(f, d));
}

std::int64_t max_sensitivity(const CubeFunction& f, int d) {
  return max_sensitivity(truth_table(f, d));
}

std::vector<double> influences(std::span<const std::int64_t> table) {
  std::vector<double> out(static_cast<std::size_t>(dimension("influences", table.size())));
  for (std::size_t i = 0; i < out.size(); ++i) {
    for (std::size_t x = 0; x < table.size(); ++x)
      out[i] += table[x] != table[x ^ std::size_t{1} << i];
    out[i] /= static_cast<double>(table.size());
  }
  return out;
}

Tensor walsh_hadamard(const Tensor& values) {
  const int d =
      dimension("walsh_hadamard", static_cast<std::size_t>(values.rank() > 0 ? values.size(0) : 0));
  Var v = values.contiguous();
  const std::int64_t row = values.numel() / values.size(0);
  for (int i = 0; i < d; ++i) {  // sum and difference over the two values of coordinate i
    const Var pairs = reshape(v, {values.size(0) >> (i + 1), 2, (std::int64_t{1} << i) * row});
    const Var plus = select(pairs, 1, 0), minus = select(pairs, 1, 1);
    v = stack({(plus + minus) * 0.5, (plus - minus) * 0.5}, 1);
  }
  return reshape(v, values.shape()).tensor();
}

std::vector<double> fourier_coefficients(std::span<const std::int64_t> table) {
  const std::vector<double> values(table.begin(), table.end());
  return fourier_coefficients(std::span<const double>(values));
}

std::vector<double> fourier_coefficients(std::span<const double> table) {
  dimension("fourier_coefficients", table.size());
  const Tensor values = Tensor::from<double>(table, {static_cast<std::int64_t>(table.size())});
  return walsh_hadamard(values).to_vector<double>();
}

double total_influence(std::span<const double> coefficients) {
  dimension("total_influence", coefficients.size());
  double sum = 0;
  for (std::size_t u = 0; u < coefficients.size(); ++u)
    sum += std::popcount(u) * coefficients[u] * coefficients[u];
  return sum;
}

std::vector<double> degree_profile(std::span<const double> coefficients) {
  const int d = dimension("degree_profile", coefficients.size());
  std::vector<double> weight(static_cast<std::size_t>(d) + 1);
  for (std::size_t u = 0; u < coefficients.size(); ++u)
    weight[static_cast<std::size_t>(std::popcount(u))] += coefficients[u] * coefficients[u];
  return weight;
}

double noise_stability(std::span<const double> coefficients, double rho) {
  if (!(rho >= -1 && rho <= 1)) fail(ErrorCode::value, "noise_stability", "rho {}", rho);
  double sum = 0, power = 1;
  for (double weight : degree_profile(coefficients)) {
    sum += power * weight;
    power *= rho;
  }
  return sum;
}

}  // namespace sonde
