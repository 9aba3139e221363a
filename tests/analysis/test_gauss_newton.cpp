// Gauss-Newton and Fisher matrices and the functional part of the Hessian, of an MLP, a CNN, a ViT
// and an LSTM, against what dense matrices give.
#include "analysis/gauss_newton.hpp"

#include <gtest/gtest.h>

#include "autograd/observe.hpp"
#include "nn/init.hpp"
#include "tests/analysis/small_models.hpp"
#include "tests/analysis/values.hpp"
#include "tests/nn/expect_code.hpp"

namespace sonde {
namespace {

using testing::distance;
using testing::largest;
using testing::random;

using testing::expect_code;
using testing::small_model;
using testing::SmallModel;

// J' M J
Var around(const Tensor& j, const Tensor& m) {
  return matmul(transpose(Var(j)), matmul(m, j));
}

class GaussNewton : public ::testing::TestWithParam<const char*> {
 protected:
  const SmallModel model_ = small_model(GetParam());
  const ParameterPoint at_{*model_.module};
  const Function outputs_ = at_.outputs(model_.x);
  const LikelihoodPtr loss_ = cross_entropy_loss(model_.y);
  const Tensor jacobian_ = dense(jacobian_map(outputs_, at_));
  const Tensor z_ = outputs_(at_.values)[0].tensor();
  const std::int64_t loops_ = counters().loop_fallbacks;
  void TearDown() override { EXPECT_EQ(counters().loop_fallbacks, loops_); }
};

TEST_P(GaussNewton, IsTheOutputsCurvatureBetweenJacobians) {
  const std::vector<LikelihoodPtr> losses = {
      loss_, mse_loss(random(z_.shape(), 1)), mse_loss(random(z_.shape(), 1), Reduction::sum),
      bce_with_logits_loss(Tensor::ones(z_.shape(), DType::f64))};
  for (const LikelihoodPtr& loss : losses)
    for (const Retain retain : {Retain::yes, Retain::no}) {
      SCOPED_TRACE(loss->name());
      const LinearMap g = gauss_newton_map(outputs_, loss, at_, {.retain = retain});
      const Var expected = around(jacobian_, dense(output_hessian_map(loss, z_)));
      EXPECT_LT(distance(dense(g), expected), 1e-12 * largest(expected));
      EXPECT_TRUE(g.symmetric());
      const Tensor v = random({3, g.domain().size()}, 2);
      EXPECT_LT(distance(g.apply(v.select(0, 1)), g.apply_batch(v).select(0, 1)), 1e-12);
    }
}

TEST_P(GaussNewton, WithTheFunctionalPartItIsTheHessian) {
  const HessianParts parts = hessian_parts(outputs_, loss_, at_);
  const Tensor v = random({4, at_.space.size()}, 1);
  const PairedProducts p = paired_products(parts, v);
  const double size = largest(p.hessian);
  EXPECT_LT(distance(p.hessian, hessian_map(model_.loss(at_), at_).apply_batch(v)), 1e-12 * size);
  EXPECT_LT(distance(add(p.gauss_newton, p.functional), p.hessian), 1e-14 * size);
  const LinearMap functional = functional_map(outputs_, loss_, at_);
  EXPECT_GT(largest(p.functional), 1e-3 * size);
  EXPECT_LT(distance(functional.apply_batch(v), p.functional), 1e-12 * size);
  EXPECT_LT(distance(parts.functional.apply_batch(v), p.functional), 1e-12 * size);
}

TEST_P(GaussNewton, TheFisherMatrixIsTheSameByTheRoot) {
  const LinearMap fisher = fisher_map(outputs_, loss_, at_),
                  g = gauss_newton_map(outputs_, loss_, at_);
  const Tensor matrix = dense(g);
  EXPECT_LT(distance(dense(fisher), matrix), 1e-12 * largest(matrix));
  EXPECT_TRUE(fisher.symmetric());
}

TEST_P(GaussNewton, TheEmpiricalFisherMatrixIsThatOfTheSamplesGradients) {
  Var expected;
  for (std::int64_t i = 0; i < testing::small_samples; ++i) {
    const Var x = model_.x.tensor().slice(0, i, i + 1), y = model_.y.tensor().slice(0, i, i + 1);
    const Vars g = grad(at_.function(
        [&](nn::Context& ctx) { return cross_entropy((*model_.module)(ctx, x), y); }))(at_.values);
    const Var flat = at_.space.flatten(g), square = mul(unsqueeze(flat, 1), unsqueeze(flat, 0));
    expected = expected ? add(expected, square) : square;
  }
  expected = div(expected, static_cast<double>(testing::small_samples));
  const LinearMap fisher = empirical_fisher_map(outputs_, loss_, at_);
  EXPECT_LT(distance(dense(fisher), expected), 1e-12 * largest(expected));
}

// Each draw's error has mean 0: that of 400 draws lies within 5 of the standard errors that 40
// groups of 10 tell.
TEST_P(GaussNewton, TheMonteCarloFisherMatrixIsUnbiased) {
  const Tensor v = random({1, at_.space.size()}, 1);
  auto form = [&](const LinearMap& map) { return sum(mul(map.apply_batch(v), v)).item(); };
  const double exact = form(fisher_map(outputs_, loss_, at_));
  double mean = 0, square = 0;
  for (int g = 0; g < 40; ++g) {
    const double q = form(monte_carlo_fisher_map(outputs_, loss_, at_, random_key(g), 10));
    mean += q / 40;
    square += q * q / 40;
  }
  const double error = std::sqrt((square - mean * mean) / 39);
  EXPECT_LT(std::abs(mean - exact), 5 * error);
  EXPECT_LT(error, 0.1 * exact);
  EXPECT_EQ(form(monte_carlo_fisher_map(outputs_, loss_, at_, random_key(0), 10)),
            form(monte_carlo_fisher_map(outputs_, loss_, at_, random_key(0), 10)));
}

INSTANTIATE_TEST_SUITE_P(All, GaussNewton, ::testing::Values("mlp", "cnn", "vit", "lstm"),
                         [](const auto& info) { return std::string(info.param); });

TEST(GaussNewtonOf, ALinearNetworkHasNoFunctionalPart) {
  nn::Mlp network({4, 3}, {1, 0}, {});
  network.convert(DType::f64);
  const ParameterPoint at(network);
  const Function outputs = at.outputs(random({5, 4}, 1));
  const LikelihoodPtr loss = cross_entropy_loss(Tensor::zeros({5}, DType::i64));
  const Tensor v = random({3, at.space.size()}, 2);
  EXPECT_EQ(largest(functional_map(outputs, loss, at).apply_batch(v)), 0);
  const PairedProducts p = paired_products(hessian_parts(outputs, loss, at), v);
  EXPECT_GT(largest(p.hessian), 1e-3);
  EXPECT_LT(largest(p.functional), 1e-15);
}

TEST(GaussNewtonOf, LogitsOfSequencesCountSamplesAlongTheFirstAxis) {
  const Tensor w = random({6, 4}, 1), x = random({2, 3, 6}, 2);  // logits [2, 4, 3]
  const Point at = Point::of({w});
  const Function outputs = [x](const Var& v) { return transpose(matmul(x, v), 1, 2); };
  const Var y = Tensor::from<std::int64_t>({0, 1, 3, -100, 2, 2}, {2, 3});
  const LikelihoodPtr loss = cross_entropy_loss(y);
  const Tensor g = dense(gauss_newton_map(outputs, loss, at));
  EXPECT_LT(distance(g, dense(hessian_map(
                            [&](const Var& v) { return cross_entropy(outputs(v), y); }, at))),
            1e-14);
  EXPECT_LT(distance(dense(fisher_map(outputs, loss, at)), g), 1e-14);
}

TEST(GaussNewtonOf, WhatDoesNotFitIsRefused) {
  const Point at = Point::of({random({3}, 1)});
  const LikelihoodPtr loss = mse_loss(random({3}, 2));
  expect_code(ErrorCode::usage, [&] {
    gauss_newton_map([](const Vars& x) { return Vars{x[0], mul(x[0], 2.0)}; }, loss, at);
  });
  expect_code(ErrorCode::value, [&] {
    monte_carlo_fisher_map([](const Var& x) { return mul(x, x); }, loss, at, random_key(1), 0);
  });
  const LinearMap a = matrix_map(random({2, 3}, 1)), b = matrix_map(random({3, 3}, 1));
  expect_code(ErrorCode::shape, [&] { congruence(a, b); });
}

}  // namespace
}  // namespace sonde
