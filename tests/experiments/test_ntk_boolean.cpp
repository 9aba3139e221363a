// The studies of ntk_boolean: spectra against the kernel itself, verdicts of known courses, and a
// network that learns.
#include <gtest/gtest.h>

#include <cmath>

#include "analysis/boolean.hpp"
#include "analysis/ntk.hpp"
#include "autograd/ops.hpp"
#include "experiments/cube/study.hpp"

namespace sonde::experiments {
namespace {

// The eigenvalues' sum is the kernel's trace: of each degree as many as it has monomials.
TEST(DegreeSpectra, SumToTheKernelsTrace) {
  constexpr int bits = 4;
  constexpr double points = 1 << bits, monomials[] = {1, 4, 6, 4, 1};
  for (const std::string& name : cube_network_names()) {
    const CubeSubject s{name, {.bits = bits, .width = 4, .group = 2}};
    int calls = 0;
    const DegreeSpectra spectra = degree_spectra(s, 3, 2, [&] { ++calls; });
    EXPECT_EQ(calls, 2);
    ASSERT_EQ(spectra.size(), 2u);
    const auto net = cube_network(name, s.options, {4, 1});
    net->convert(DType::f64);
    const ParameterPoint at(*net);
    const Tensor kernel = ntk(rows_of(at), at, cube_points(bits).to(DType::f64), {.trace = true});
    double total = 0;
    for (std::size_t k = 0; k <= bits; ++k) total += monomials[k] * spectra[1][k];
    EXPECT_NEAR(total / (sum(diagonal(Var(kernel))).item() / points), 1, 1e-12) << name;
  }
}

TEST(CubeNetworks, RefuseWhatDoesNotFit) {
  EXPECT_THROW(cube_network("softmax", {.bits = 10, .group = 3}, {1, 1}), Error);
  EXPECT_THROW(cube_network("none", {}, {1, 1}), Error);
  EXPECT_THROW(learn_monomials({"mlp", {.bits = 8}}, {}, 1), Error);
}

TEST(WeakBias, HoldsUpToTwoErrors) {
  const CubeSubject s{"linear-attention"};
  const auto verdict = [&](double last) {
    return weak_bias_claim(s,
                           {{4, 3, 2, 1, last}, {4.1, 3, 2.1, 1.1, last + 0.1}, {4, 3, 2, 1, last}})
        .verdict;
  };
  EXPECT_EQ(verdict(1), Verdict::reproduced);
  EXPECT_EQ(verdict(2), Verdict::reproduced);
  EXPECT_EQ(verdict(3), Verdict::not_reproduced);
  EXPECT_EQ(weak_bias_claim(s, {{4, 3, 2, 1, 1}}).verdict, Verdict::inconclusive);
}

// Coefficients that reach 1 at these epochs; -1: never.
Coefficients course(std::array<int, greatest_degree> epochs) {
  Coefficients out;
  for (int e = 0; e < 10; ++e) {
    out.emplace_back();
    for (std::size_t k = 0; k < greatest_degree; ++k)
      out.back()[k] = epochs[k] >= 0 && e >= epochs[k] ? 0.9 : 0.1;
  }
  return out;
}

TEST(Order, OfKnownCourses) {
  const CubeSubject s{"softmax"};
  const auto verdict = [&](const std::vector<Coefficients>& courses) {
    return order_claim(s, courses).verdict;
  };
  EXPECT_EQ(learnt_at(course({1, 4, -1, 9}), 2), 4);
  EXPECT_EQ(learnt_at(course({1, 4, -1, 9}), 3), -1);
  EXPECT_EQ(verdict({course({1, 2, 5, 8}), course({0, 1, 2, 3})}), Verdict::reproduced);
  EXPECT_EQ(verdict({course({1, 2, 5, 8}), course({1, 2, 5, -1})}), Verdict::inconclusive);
  EXPECT_EQ(verdict({course({1, 2, 5, 8}), course({1, 2, -1, 8})}), Verdict::not_reproduced);
  EXPECT_EQ(verdict({course({1, 5, 5, 8})}), Verdict::not_reproduced);
  EXPECT_EQ(verdict({course({2, 1, 5, -1})}), Verdict::not_reproduced);
}

TEST(LearnMonomials, FindsTheFirstAndMovesTowardsIt) {
  const CubeSubject s{"mlp", {.width = 16}};
  const Coefficients found = learn_monomials(s, {.epochs = 40, .batch = 64, .lr = 0.003}, 1);
  ASSERT_EQ(found.size(), 41u);
  EXPECT_LT(std::abs(found.front()[0]), 0.5);
  EXPECT_GT(learnt_at(found, 1), 0);
  EXPECT_LT(learnt_at(found, 1), learnt_at(found, 4));
  // The same again, and from another seed something else.
  EXPECT_EQ(learn_monomials(s, {.epochs = 2, .lr = 0.003}, 1)[2], found[2]);
  EXPECT_NE(learn_monomials(s, {.epochs = 2, .lr = 0.003}, 2)[2], found[2]);
}

}  // namespace
}  // namespace sonde::experiments
