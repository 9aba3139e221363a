// Linear CKA: closed forms, invariances, and HSIC_1 from its definition.
#include <gtest/gtest.h>

#include <cmath>

#include "analysis/similarity.hpp"
#include "autograd/ops.hpp"
#include "nn/init.hpp"
#include "tests/analysis/values.hpp"

namespace sonde {
namespace {

using testing::random;

constexpr CkaForm both[] = {CkaForm::biased, CkaForm::debiased};

TEST(LinearCka, OfOneFeatureEachIsTheSquaredCorrelation) {
  const Tensor x = Tensor::from<double>({1, 2, 4, 9}, {4, 1}),
               y = Tensor::from<double>({3, 1, 5, 7}, {4, 1});
  const double xx = 38, yy = 20, xy = 24;  // of deviations from the means 4
  EXPECT_NEAR(linear_cka(x, y, CkaForm::biased), xy * xy / (xx * yy), 1e-14);
}

TEST(LinearCka, IsOneWithItselfAndAllThatIsTheSameUpToRotationFactorAndShift) {
  const Tensor x = random({12, 5}, 1), y = random({12, 30}, 2);
  const Tensor turn = nn::orthogonal_init({5, 5}, {3, 0}, 1, DType::f64);
  const Tensor moved = add(mul(matmul(x, turn), -3.0), random({5}, 4)).tensor();
  for (CkaForm form : both) {
    EXPECT_NEAR(linear_cka(x, x, form), 1, 1e-13);
    EXPECT_NEAR(linear_cka(x, moved, form), 1, 1e-12);
    EXPECT_NEAR(linear_cka(moved, y, form), linear_cka(x, y, form), 1e-12);
    EXPECT_NEAR(linear_cka(y, x, form), linear_cka(x, y, form), 1e-14);
    EXPECT_NEAR(linear_cka(x.to(DType::f32), y, form), linear_cka(x, y, form), 1e-6);
  }
}

TEST(LinearCka, OfOrthogonalFeaturesIsZero) {
  const Tensor x = Tensor::from<double>({1, -1, 1, -1}, {4, 1}),
               y = Tensor::from<double>({1, 1, -1, -1}, {4, 1});
  EXPECT_EQ(linear_cka(x, y, CkaForm::biased), 0);
}

// HSIC_1 is the mean over i, j, q, r, all different, of K_ij (L_ij + L_qr - 2 L_iq).
double hsic(const Tensor& x, const Tensor& y) {
  const Tensor k = matmul(x, x, {.b = true}).tensor(), l = matmul(y, y, {.b = true}).tensor();
  const std::int64_t n = x.size(0);
  double sum = 0, count = 0;
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j < n; ++j)
      for (std::int64_t q = 0; q < n; ++q)
        for (std::int64_t r = 0; r < n; ++r) {
          if (i == j || i == q || i == r || j == q || j == r || q == r) continue;
          sum += k.at({i, j}) * (l.at({i, j}) + l.at({q, r}) - 2 * l.at({i, q}));
          ++count;
        }
  return sum / count;
}

TEST(LinearCka, DebiasedIsTheUStatistic) {
  for (std::int64_t features : {2, 9}) {  // products of features, and of inputs
    const Tensor x = random({7, features}, 5), y = add(x, random({7, features}, 6)).tensor();
    EXPECT_NEAR(linear_cka(x, y), hsic(x, y) / std::sqrt(hsic(x, x) * hsic(y, y)), 1e-12);
  }
}

// Unrelated features in many dimensions: biased says they are alike, debiased does not.
TEST(LinearCka, DebiasingRemovesWhatManyFeaturesAdd) {
  double biased = 0, debiased = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Tensor x = random({20, 200}, 2 * seed), y = random({20, 200}, 2 * seed + 1);
    biased += linear_cka(x, y, CkaForm::biased) / 20;
    debiased += linear_cka(x, y) / 20;
  }
  EXPECT_GT(biased, 0.8);
  EXPECT_NEAR(debiased, 0, 0.05);
}

TEST(LinearCka, BadInputIsATypedError) {
  auto code = [](const Tensor& x, const Tensor& y, CkaForm form) {
    try {
      linear_cka(x, y, form);
    } catch (const Error& e) {
      return e.code();
    }
    return ErrorCode::usage;
  };
  for (CkaForm form : both) {
    EXPECT_EQ(code(random({5, 2}, 1), random({6, 2}, 2), form), ErrorCode::shape);
    EXPECT_EQ(code(random({5}, 1), random({5, 2}, 2), form), ErrorCode::shape);
    EXPECT_EQ(code(random({5, 2}, 1), Tensor::ones({5, 2}), form), ErrorCode::numeric);
  }
  EXPECT_EQ(code(random({3, 2}, 1), random({3, 2}, 2), CkaForm::debiased), ErrorCode::shape);
}

}  // namespace
}  // namespace sonde
