// Singular values and ranks of matrices whose spectrum is known.
#include <gtest/gtest.h>

#include <cmath>

#include "analysis/rank.hpp"
#include "autograd/ops.hpp"
#include "nn/init.hpp"

namespace sonde {
namespace {

Tensor orthogonal(std::int64_t n, std::uint64_t seed) {
  return nn::orthogonal_init({n, n}, {seed, 0}, 1, DType::f64);
}
// U diag(s) V' with random orthogonal U and V.
Tensor with_spectrum(const std::vector<double>& s) {
  const auto n = static_cast<std::int64_t>(s.size());
  const Var scaled = mul(orthogonal(n, 1), Tensor::from<double>(s, {n}));
  return matmul(scaled, orthogonal(n, 2)).tensor();
}

TEST(Rank, SingularValuesAreThoseTheMatrixWasMadeOf) {
  const std::vector<double> s{7, 3, 0.5, 0.1};
  const auto found = singular_values(with_spectrum(s));
  ASSERT_EQ(found.size(), s.size());
  for (std::size_t i = 0; i < s.size(); ++i) EXPECT_NEAR(found[i], s[i], 1e-13);
  EXPECT_EQ(singular_values(Tensor::ones({3, 5})).size(), 3u);
}

TEST(Rank, OfAProjectorIsItsRank) {
  for (std::int64_t k : {1, 3, 8}) {
    const Var basis = slice(orthogonal(8, 3), 0, 0, k);
    const auto s = singular_values(matmul(basis, basis, {.a = true}).tensor());
    EXPECT_NEAR(effective_rank(s), static_cast<double>(k), 1e-10);
    EXPECT_NEAR(stable_rank(s), static_cast<double>(k), 1e-12);
  }
}

TEST(Rank, FollowsItsDefinition) {
  const std::vector<double> s{3, 1};
  EXPECT_NEAR(effective_rank(s), std::exp(-0.75 * std::log(0.75) - 0.25 * std::log(0.25)), 1e-14);
  EXPECT_NEAR(stable_rank(s), 10.0 / 9, 1e-14);
  const std::vector<double> scaled{3e200, 1e200, 0};
  EXPECT_NEAR(effective_rank(scaled), effective_rank(s), 1e-14);
  EXPECT_NEAR(stable_rank(scaled), 10.0 / 9, 1e-14);
}

TEST(Rank, BadInputIsATypedError) {
  for (const std::vector<double>& s : {std::vector<double>{}, {0, 0}, {1, -1}, {std::nan("")}}) {
    EXPECT_THROW(effective_rank(s), Error);
    EXPECT_THROW(stable_rank(s), Error);
  }
  EXPECT_THROW(singular_values(Tensor::ones({3})), Error);
  EXPECT_THROW(singular_values(Tensor::ones({0, 3})), Error);
}

}  // namespace
}  // namespace sonde
