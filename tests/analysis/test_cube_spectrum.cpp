// Spectra on the Boolean cube: the closed form against transforms of the kernel itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

#include "analysis/boolean.hpp"
#include "analysis/cube_spectrum.hpp"
#include "analysis/function_maps.hpp"
#include "analysis/kernel.hpp"
#include "analysis/ntk.hpp"
#include "autograd/ops.hpp"
#include "nn/init.hpp"
#include "tests/analysis/values.hpp"

namespace sonde {
namespace {

using testing::random;

TEST(WalshHadamard, IsTheTableTransformAndItsOwnInverse) {
  constexpr int d = 5;
  const std::vector<std::int64_t> table = truth_table([](std::uint32_t x) { return x * x % 7; }, d);
  const Tensor as_tensor = Tensor::from<std::int64_t>(table, {1 << d}).to(DType::f64);
  const std::vector<double> expected = fourier_coefficients(table);
  const Tensor c = walsh_hadamard(as_tensor);
  for (std::int64_t u = 0; u < 1 << d; ++u)
    EXPECT_NEAR(c.at({u}), expected[static_cast<std::size_t>(u)], 1e-13);
  const Tensor many = random({1 << d, 3, 2}, 1);
  const Var back = Var(walsh_hadamard(walsh_hadamard(many))) * double{1 << d};
  EXPECT_LT(amax(abs(back - many)).item(), 1e-13);
  EXPECT_THROW(walsh_hadamard(random({6}, 1)), Error);
}

// phi(<x, 1> / d) as a function of x: its coefficients are the kernel's eigenvalues.
TEST(CubeKernel, EigenvaluesAreTheTransformOfARow) {
  const std::function<double(double)> kernels[] = {
      [](double c) { return std::exp(c); }, [](double c) { return c * c * c - 0.3 * c; },
      [](double c) { return 1 / (2.5 - c); },
      [](double c) { return (std::numbers::pi - std::acos(c)) / std::numbers::pi; }};
  for (const int d : {1, 2, 7, 10})
    for (const auto& phi : kernels) {
      Tensor row = Tensor::empty({1 << d}, DType::f64);
      for (std::uint32_t x = 0; x >> d == 0; ++x)
        row.mutable_data<double>()[x] = phi(1 - 2.0 * std::popcount(x) / d);
      const Tensor c = walsh_hadamard(row);
      const std::vector<double> mu = cube_kernel_eigenvalues(phi, d);
      for (std::uint32_t u = 0; u >> d == 0; ++u)
        EXPECT_NEAR(c.at({u}), mu[static_cast<std::size_t>(std::popcount(u))], 1e-13);
    }
  EXPECT_THROW(cube_kernel_eigenvalues(kernels[0], 31), Error);
}

// x^k has degree k: eigenvalues of <x, y>^2 / d^2 in d = 4 are 1/4, 0, 1/8, 0, 0.
TEST(CubeKernel, OfASquareIsKnown) {
  const std::vector<double> mu = cube_kernel_eigenvalues([](double c) { return c * c; }, 4);
  const double expected[] = {0.25, 0, 0.125, 0, 0};
  for (std::size_t k = 0; k < mu.size(); ++k) EXPECT_NEAR(mu[k], expected[k], 1e-15);
}

// The recursion of a ReLU network of two hidden layers, sigma_w^2 = 2, sigma_b^2 = 0.1, in the form
// k0(c) = (pi - acos c) / pi, k1(c) = (c (pi - acos c) + sqrt(1 - c^2)) / pi.
double relu_tangent_kernel(double c) {
  using std::numbers::pi;
  double tangent = c;
  for (int layer = 0; layer < 2; ++layer) {
    const double angle = pi - std::acos(std::clamp(c, -1.0, 1.0)), k0 = angle / pi,
                 q = (c * angle + std::sqrt(std::max(0.0, 1 - c * c))) / pi + 0.1;
    tangent = tangent * k0 + q;
    c = q / 1.1;
  }
  return tangent;
}

TEST(CubeKernel, OfAReluNetworkFallsWithTheDegree) {
  const std::vector<double> mu = cube_kernel_eigenvalues(relu_tangent_kernel, 16);
  const double reference[] = {9.3e-1, 6.3e-2, 5.1e-3, 3.1e-4, 7.1e-5, 1.4e-5, 1.0e-5};
  for (std::size_t k = 0; k < std::size(reference); ++k)
    EXPECT_NEAR(mu[k] / reference[k], 1, 0.05) << "degree " << k;
  for (std::size_t k = 2; k < mu.size(); ++k) EXPECT_LE(mu[k], mu[k - 2] + 1e-12);
}

// Features of a kernel that depends on <x, y> alone: all monomials of one degree have one value.
TEST(CubeSpectrum, OfFeaturesIsThatOfTheirKernel) {
  constexpr int d = 6;
  const Tensor x = cube_points(d).to(DType::f64);
  const Tensor pairs = einsum("ni,nj->nij", {Var(x), Var(x)}).tensor();  // K = <x, y>^2
  const std::vector<double> spectrum = cube_spectrum(pairs),
                            mu = cube_kernel_eigenvalues([](double c) { return c * c * d * d; }, d);
  for (std::size_t k = 0; k < mu.size(); ++k) EXPECT_NEAR(spectrum[k], mu[k], 1e-12);
}

// A network's tangent kernel K: chi' K chi / 4^d, averaged by degree, and its trace is the sum.
TEST(CubeSpectrum, OfANetworkIsThatOfItsTangentKernel) {
  constexpr int d = 5;
  constexpr std::int64_t points = 1 << d;
  const Tensor x = cube_points(d).to(DType::f64);
  const Point at = Point::of({random({8, d}, 1), random({8}, 2), random({1, 8}, 3)});
  const RowFunction f = [](const Vars& p, const Var& in) {
    return linear(relu(linear(in, p[0], p[1])), p[2]);
  };
  const Tensor kernel = ntk(f, at, x, {.trace = true});
  const Tensor features = dense(jacobian_map([&](const Vars& p) { return f(p, x); }, at));
  const std::vector<double> spectrum = cube_spectrum(features);
  std::vector<double> expected(d + 1, 0.0), count(d + 1, 0.0);
  const Tensor twice = walsh_hadamard(walsh_hadamard(kernel).transpose(0, 1).contiguous());
  double all = 0;
  for (std::uint32_t u = 0; u < points; ++u) {
    const auto k = static_cast<std::size_t>(std::popcount(u));
    expected[k] += twice.at({u, u});
    ++count[k];
    all += twice.at({u, u});
  }
  for (std::size_t k = 0; k <= d; ++k) EXPECT_NEAR(spectrum[k], expected[k] / count[k], 1e-12);
  EXPECT_NEAR(all, sum(diagonal(Var(kernel))).item() / points, 1e-12);
}

}  // namespace
}  // namespace sonde
