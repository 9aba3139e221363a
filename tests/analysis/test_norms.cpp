// Norms and the dominant eigenvalue against the dense decompositions.
#include "analysis/norms.hpp"

#include <gtest/gtest.h>

#include "analysis/statistics.hpp"
#include "known_maps.hpp"
#include "tests/analysis/honest.hpp"

namespace sonde {
namespace {

using namespace testing_maps;
using testing::expect_honest;

double squares(const Tensor& a) {
  return sum(square(a)).tensor().item();
}

TEST(Norms, FrobeniusExactly) {
  for (const Dims& shape : {Dims{7, 30}, Dims{30, 7}, Dims{40, 40}}) {
    const Tensor a = random(shape, 1);
    EXPECT_NEAR(exact_squared_frobenius_norm(matrix_map(a)) / squares(a), 1, 1e-14);
    EXPECT_NEAR(exact_squared_frobenius_norm(matrix_map(a), 3) / squares(a), 1, 1e-14);
    const Estimate e = squared_frobenius_norm(matrix_map(a));  // 100 products would suffice
    EXPECT_NEAR(e.value / squares(a), 1, 1e-14);
    EXPECT_EQ(*e.std_error, 0);
  }
}

TEST(Norms, TheVarianceOfFrobeniusIsThatOfTheFormula) {
  const Tensor a = random({30, 50}, 2), s = matmul(a, a, {.a = true}).tensor();
  const double all = squares(s), diagonal = squares(s.diagonal());
  const auto sample_variance = [&](Probe probe) {
    std::vector<double> values;
    for (std::uint64_t seed = 0; seed < 2000; ++seed)
      values.push_back(
          2 *
          squared_frobenius_norm(matrix_map(a), {.products = 4, .key = {.k0 = seed}}, probe).value);
    return variance(values);
  };
  EXPECT_NEAR(sample_variance(Probe::rademacher) / (2 * (all - diagonal)), 1, 0.1);
  EXPECT_NEAR(sample_variance(Probe::gaussian) / (2 * all), 1, 0.1);
}

TEST(Norms, FrobeniusOfLowRankBlocks) {
  // Spectra as those of the blocks of a transformer's Hessian: a few large eigenvalues of either
  // sign, and a tail. 20 vectors give 25 %, 2000 give 3 %.
  const std::vector<double> values = geometric(2100, 1, -0.85);
  const Tensor a = with_eigenvalues(values, 1);
  const double truth = squares(a);
  EXPECT_NEAR(squared_frobenius_norm(matrix_map(a), {.products = 2000}).value / truth, 1, 0.03);
  EXPECT_NEAR(std::sqrt(squared_frobenius_norm(matrix_map(a), {.products = 20}).value / truth), 1,
              0.25);
}

TEST(Norms, FrobeniussErrorIsHonest) {
  for (const auto& spectrum :
       {geometric(120, 3, 0.9), even(120, 0.5, 1.5), geometric(120, 1, -0.95)}) {
    const Tensor a = with_eigenvalues(spectrum, 1);
    const double truth = squares(a);
    expect_honest(truth, [&](philox::Key key) {
      return squared_frobenius_norm(matrix_map(a), {.products = 60, .key = key});
    });
  }
  const Tensor a = with_eigenvalues(even(400, 0.5, 1.5), 1);
  const Estimate e = squared_frobenius_norm(matrix_map(a), {.products = 300, .tolerance = 0.05});
  EXPECT_LT(e.n, 300);
  EXPECT_LT(e.ci95->high - e.ci95->low, 0.1 * e.value);
}

TEST(Norms, TheSpectralNormIsTheLargestSingularValue) {
  for (const Dims& shape : {Dims{20, 70}, Dims{70, 20}, Dims{50, 50}}) {
    const Tensor a = random(shape, 3);
    const double largest = svd(a).s.tensor().at({0});
    const SingularValue found = spectral_norm(matrix_map(a), {.tolerance = 1e-10});
    EXPECT_NEAR(found.value / largest, 1, 1e-10);
    EXPECT_LE(found.residual, 1e-10 * largest);
    const SingularValue single = spectral_norm(matrix_map(a.to(DType::f32)));
    EXPECT_NEAR(single.value / largest, 1, 1e-4);
  }
  const Tensor negative = with_eigenvalues(even(60, -9, 2), 1);
  EXPECT_NEAR(spectral_norm(matrix_map(negative)).value, 9, 1e-8);
  EXPECT_EQ(spectral_norm(0 * identity_map(Space::flat(9))).value, 0);
  EXPECT_NEAR(spectral_norm(matrix_map(random({1, 5}, 1))).value,
              norm(random({1, 5}, 1)).tensor().item(), 1e-12);
}

// Singular values that crowd, so that the residual falls slowly and ends just below the tolerance:
// one that is reported too small, or allowed to be too large, is seen. Scaling by a power of two
// changes no bit.
TEST(Norms, TheSpectralNormsResidualIsThatOfItsVectors) {
  for (const Dims& shape : {Dims{300, 400}, Dims{400, 300}, Dims{300, 300}}) {
    const Tensor a = random(shape, 4);
    const LinearMap map = matrix_map(a);
    const double largest = svd(a).s.tensor().at({0});
    for (const double tolerance : {1e-2, 1e-4, 1e-6}) {
      const SingularValue found = spectral_norm(map, {.tolerance = tolerance});
      const Var u = found.left, v = found.right;
      const double right = norm(Var(map.apply(found.right)) - u * found.value).item(),
                   left = norm(Var(map.transpose(found.left)) - v * found.value).item();
      EXPECT_NEAR(norm(v).item(), 1, 1e-13);
      EXPECT_NEAR(found.residual, std::hypot(left, right), 1e-12 * largest);
      EXPECT_LE(found.residual, tolerance * largest);
      EXPECT_LE(std::abs(found.value - largest), found.residual);
      const SingularValue scaled = spectral_norm(64 * map, {.tolerance = tolerance});
      EXPECT_EQ(scaled.value, 64 * found.value);
      EXPECT_EQ(scaled.residual, 64 * found.residual);
    }
  }
  EXPECT_FALSE(spectral_norm(0 * identity_map(Space::flat(9))).left);
}

TEST(Norms, TheGramMap) {
  const Tensor a = random({6, 9}, 4);
  const LinearMap gram = gram_map(matrix_map(a));
  EXPECT_TRUE(gram.symmetric());
  EXPECT_LT(distance(dense(gram), matmul(a, a, {.a = true}).tensor()), 1e-13);
  EXPECT_DOUBLE_EQ(gram.cost(3).flops, 2 * matrix_map(a).cost(3).flops);
}

TEST(Norms, PowerIteration) {
  std::vector<double> values = even(60, -1, 2);
  values.push_back(-3);
  const LinearMap map = matrix_map(with_eigenvalues(values, 1));
  const DominantPair found = power_iteration(map);
  EXPECT_NEAR(found.value, -3, 1e-10);
  const Tensor left = (Var(map.apply(found.vector)) - Var(found.vector) * found.value).tensor();
  EXPECT_NEAR(norm(left).tensor().item(), found.residual, 1e-13);
  EXPECT_LE(found.residual, 3e-8);
  // Not symmetric: a triangular matrix has its eigenvalues on the diagonal.
  const Tensor triangular = Tensor::from<double>({1, 5, 0, 4}, {2, 2});
  EXPECT_NEAR(power_iteration(matrix_map(triangular)).value, 4, 1e-7);
  EXPECT_EQ(power_iteration(0 * identity_map(Space::flat(5))).value, 0);
  const LinearMap tie = matrix_map(with_eigenvalues({-1, 0.5, 1}, 1));
  try {
    power_iteration(tie, {.max_products = 500});
    ADD_FAILURE() << "was accepted";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::numeric);
    EXPECT_NE(std::string_view(e.what()).find("equal"), std::string_view::npos);
  }
  EXPECT_THROW(power_iteration(matrix_map(random({2, 3}, 1))), Error);
  EXPECT_THROW(power_iteration(tie, {.tolerance = -1}), Error);
}

}  // namespace
}  // namespace sonde
