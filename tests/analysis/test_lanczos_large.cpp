// Lanczos on maps of the size of small networks' Hessians, against the dense decomposition.
#include <gtest/gtest.h>

#include <numeric>

#include "analysis/lanczos.hpp"
#include "known_maps.hpp"

namespace sonde {
namespace {

using namespace testing_maps;

// The ten at either end within 1e-8 |A|, residuals as promised.
void expect_ends(const Tensor& a, std::vector<double> values, LanczosOptions o = {}) {
  std::ranges::sort(values);
  o.largest = o.smallest = 10;
  const Spectrum found = lanczos(matrix_map(a), o);
  const double norm = std::max(std::abs(values.front()), std::abs(values.back()));
  for (std::size_t i = 0; i < 10; ++i) {
    EXPECT_NEAR(found.largest.values[i], values[values.size() - 1 - i], 1e-8 * norm) << i;
    EXPECT_NEAR(found.smallest.values[i], values[i], 1e-8 * norm) << i;
    EXPECT_LE(found.largest.residuals[i], 1e-10 * norm);
    EXPECT_LE(found.smallest.residuals[i], 1e-10 * norm);
  }
}

TEST(LanczosLarge, IndefiniteAndClustered) {
  constexpr std::int64_t n = 3000;
  // A bulk about zero, a few outliers on either side, clusters among them.
  std::vector<double> values = geometric(n - 24, 0.4, -0.998);
  for (int i = 0; i < 8; ++i) values.push_back(1 + 0.3 * i);
  for (int i = 0; i < 8; ++i) values.push_back(5 + 1e-6 * i);
  for (int i = 0; i < 4; ++i) values.push_back(-2);
  for (int i = 0; i < 4; ++i) values.push_back(-3 - 1e-9 * i);
  const Tensor a = with_eigenvalues(values, 1);
  expect_ends(a, values, {.block = 8});
  expect_ends(a, values, {.block = 8, .basis = 100});
}

TEST(LanczosLarge, EqualsTheDenseDecomposition) {
  constexpr std::int64_t n = 1500;
  const Var r = random({n, n}, 5);
  const Tensor a = (r + transpose(r)).tensor();
  const std::vector<double> values = eigh(a).values.tensor().to_vector<double>();
  expect_ends(a, values);
  expect_ends(a, values, {.block = 4, .basis = 80, .max_products = 20000});
}

TEST(LanczosLarge, AGramOfLowRankHasItsWholeSpectrum) {
  // As a Gauss-Newton matrix: positive semidefinite, most of its eigenvalues 0.
  constexpr std::int64_t n = 1200, rank = 300;
  const Tensor j = random({rank, n}, 7);
  const Tensor a = matmul(j, j, {.a = true}).tensor();
  std::vector<double> values(n - rank, 0);
  for (const double s : svd(j).s.tensor().to_vector<double>()) values.push_back(s * s);
  expect_ends(((Var(a) + transpose(a)) * 0.5).tensor(), values);
  expect_ends(((Var(a) + transpose(a)) * 0.5).tensor(), values, {.block = 10});
}

}  // namespace
}  // namespace sonde
