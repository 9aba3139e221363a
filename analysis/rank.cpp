#include "analysis/rank.hpp"

#include <algorithm>
#include <cmath>

#include "autograd/ops.hpp"

namespace sonde {
namespace {

// The greatest value.
double checked_greatest(const char* who, std::span<const double> values) {
  double greatest = 0;
  for (double s : values) {
    if (!(s >= 0 && std::isfinite(s))) fail(ErrorCode::value, who, "{} is no singular value", s);
    greatest = std::max(greatest, s);
  }
  if (greatest == 0) fail(ErrorCode::value, who, "no singular value is positive");
  return greatest;
}

}  // namespace

std::vector<double> singular_values(const Tensor& matrix) {
  if (matrix.rank() != 2 || matrix.numel() == 0)
    fail_hint(ErrorCode::shape, "singular_values", "reshape({rows, -1})", "{} is no matrix",
              matrix.spec());
  return svd(matrix.to(Device{}).to(DType::f64)).s.tensor().to_vector<double>();
}

double effective_rank(std::span<const double> values) {
  checked_greatest("effective_rank", values);
  double sum = 0, entropy = 0;
  for (double s : values) sum += s;
  for (double s : values)
    if (s > 0) entropy -= s / sum * std::log(s / sum);
  return std::exp(entropy);
}

double stable_rank(std::span<const double> values) {
  const double greatest = checked_greatest("stable_rank", values);
  double sum = 0;
  for (double s : values) sum += (s / greatest) * (s / greatest);
  return sum;
}

}  // namespace sonde
