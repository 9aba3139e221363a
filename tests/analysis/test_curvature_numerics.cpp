// The numerics on the curvature of an MLP, a CNN, a ViT and an LSTM:
// eigenvalues, traces, diagonals and norms against the dense matrix, and the
// honesty of every error.
#include <gtest/gtest.h>

#include "analysis/diagonal.hpp"
#include "analysis/function_maps.hpp"
#include "analysis/gauss_newton.hpp"
#include "analysis/lanczos.hpp"
#include "analysis/norms.hpp"
#include "analysis/slq.hpp"
#include "analysis/statistics.hpp"
#include "analysis/trace.hpp"
#include "tests/analysis/honest.hpp"
#include "tests/analysis/small_models.hpp"

namespace sonde {
namespace {

using testing::expect_honest;
using testing::small_model;
using testing::SmallModel;

double sum_of_squares(const Tensor& a) {
  return sum(square(a)).tensor().item();
}

class Curvature : public ::testing::TestWithParam<const char*> {
 protected:
  const SmallModel model_ = small_model(GetParam());
  const ParameterPoint at_{*model_.module};
  const LinearMap hessian_ = hessian_map(model_.loss(at_), at_);
  const Tensor matrix_ = dense(hessian_);
  const double norm_ = amax(abs(eigh(matrix_).values)).tensor().item();
};

void expect_ends(const LinearMap& map, double norm, std::int64_t block) {
  const std::vector<double> exact = eigh(dense(map)).values.tensor().to_vector<double>();
  const Spectrum found = lanczos(map, {.largest = 10, .smallest = 10, .block = block});
  for (std::size_t i = 0; i < 10; ++i) {
    EXPECT_NEAR(found.largest.values[i], exact[exact.size() - 1 - i], 1e-8 * norm) << i;
    EXPECT_NEAR(found.smallest.values[i], exact[i], 1e-8 * norm) << i;
    EXPECT_LE(found.largest.residuals[i], 1e-10 * norm);
    EXPECT_LE(found.smallest.residuals[i], 1e-10 * norm);
  }
}

TEST_P(Curvature, EndsOfTheSpectraOfHessianAndGaussNewton) {
  const LinearMap g = gauss_newton_map(at_.outputs(model_.x), cross_entropy_loss(model_.y), at_);
  for (const std::int64_t block : {1, 8}) {
    expect_ends(hessian_, norm_, block);
    expect_ends(g, norm_, block);
    expect_ends(hessian_ - g, norm_, block);
  }
}

TEST_P(Curvature, ExactTraceDiagonalAndNorm) {
  const Tensor diagonal = matrix_.diagonal();
  const double trace = sum(diagonal).tensor().item(), squares = sum_of_squares(matrix_);
  EXPECT_NEAR(exact_trace(hessian_), trace, 1e-10 * std::abs(trace));
  EXPECT_LT(amax(abs(Var(exact_diagonal(hessian_)) - diagonal)).tensor().item(), 1e-10 * norm_);
  EXPECT_NEAR(exact_squared_frobenius_norm(hessian_), squares, 1e-10 * squares);
}

// 100 seeds on the same matrix, whose products are those of the map to
// rounding.
TEST_P(Curvature, ErrorsAreHonest) {
  const LinearMap map = matrix_map(matrix_, hessian_.range(), hessian_.domain());
  const double trace = sum(matrix_.diagonal()).tensor().item(), squares = sum_of_squares(matrix_);
  const Tensor symmetric = ((Var(matrix_) + transpose(matrix_)) * 0.5).tensor();
  const LinearMap for_slq = matrix_map(symmetric, hessian_.range(), hessian_.domain());
  const struct {
    const char* name;
    double truth;
    std::function<Estimate(philox::Key)> estimate;
  } cases[] = {
      {"hutchinson", trace,
       [&](auto k) { return hutchinson_trace(map, {.products = 60, .key = k}); }},
      {"hutch++", trace, [&](auto k) { return hutch_pp_trace(map, {.products = 60, .key = k}); }},
      {"xtrace", trace, [&](auto k) { return xtrace(map, {.products = 60, .key = k}); }},
      {"frobenius", squares,
       [&](auto k) { return squared_frobenius_norm(map, {.products = 60, .key = k}); }},
      {"slq", trace / static_cast<double>(matrix_.size(0)), [&](auto k) {
         return Slq(for_slq, {.probes = 30, .steps = 8, .batch = 30, .key = k}).moment(1);
       }}};
  for (const auto& [name, truth, estimate] : cases) {
    SCOPED_TRACE(name);
    expect_honest(truth, estimate);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Curvature, ::testing::Values("mlp", "cnn", "vit", "lstm"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace sonde
