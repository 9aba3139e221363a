// Symmetric matrices of which every eigenvalue is known.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "analysis/linear_map.hpp"
#include "autograd/ops.hpp"
#include "nn/init.hpp"
#include "tests/analysis/values.hpp"

namespace sonde::testing_maps {

using testing::distance;
using testing::random;

/// U diag(values) U' with U a product of two reflections: dense, exactly symmetric, and cheap to
/// make for any size.
inline Tensor with_eigenvalues(std::vector<double> values, std::uint64_t seed) {
  const auto n = static_cast<std::int64_t>(values.size());
  Tensor a = Tensor::zeros({n, n}, DType::f64);
  for (std::int64_t i = 0; i < n; ++i)
    a.mutable_data<double>()[i * (n + 1)] = values[static_cast<std::size_t>(i)];
  for (std::uint64_t k = 0; k < 2; ++k) {  // (1 - 2uu') A (1 - 2uu')
    const Var v = random({n}, seed + k), u = v / norm(v), au = matmul(a, u), uau = dot(u, au);
    const Var cross = outer(u, au);
    a = (Var(a) - 2.0 * (cross + transpose(cross)) + 4.0 * uau * outer(u, u)).tensor();
  }
  return ((Var(a) + transpose(a)) * 0.5).tensor();
}

/// first, first * ratio, first * ratio^2, ...
inline std::vector<double> geometric(std::int64_t n, double first, double ratio) {
  std::vector<double> out;
  for (std::int64_t i = 0; i < n; ++i, first *= ratio) out.push_back(first);
  return out;
}

/// Evenly spaced from low to high.
inline std::vector<double> even(std::int64_t n, double low, double high) {
  std::vector<double> out;
  for (std::int64_t i = 0; i < n; ++i)
    out.push_back(low + (high - low) * static_cast<double>(i) / static_cast<double>(n - 1));
  return out;
}

}  // namespace sonde::testing_maps
