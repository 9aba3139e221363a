// The numerics on the curvature of an MLP, a CNN or ResNet, a ViT and an LSTM, with some hundred
// and with two thousand parameters: eigenvalues, traces, diagonals and norms against the dense
// matrix, and the honesty of every error.
#include <gtest/gtest.h>

#include <map>

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
using testing::SmallModel;

double sum_of_squares(const Tensor& a) {
  return sum(square(a)).tensor().item();
}

std::vector<double> eigenvalues(const Tensor& a) {
  return eigh(a).values.tensor().to_vector<double>();
}

// A network with its Hessian as a map and as a matrix.
struct Subject {
  explicit Subject(SmallModel of) : model(std::move(of)) {}
  SmallModel model;
  ParameterPoint at{*model.module};
  LinearMap hessian = hessian_map(model.loss(at), at);
  Tensor matrix = dense(hessian);
  std::vector<double> values = eigenvalues(matrix);
  double norm = std::max(-values.front(), values.back());
};

struct Case {
  const char* name;
  SmallModel (*make)(const std::string&);
  const char* model;
};

// Every network's matrix is computed once.
const Subject& subject(const Case& c) {
  static std::map<std::string, std::unique_ptr<Subject>> all;
  std::unique_ptr<Subject>& one = all[c.name];
  if (!one) one = std::make_unique<Subject>(c.make(c.model));
  return *one;
}

class Curvature : public ::testing::TestWithParam<Case> {
 protected:
  const Subject& s_ = subject(GetParam());
};

void expect_ends(const LinearMap& map, const std::vector<double>& exact, double norm) {
  for (const std::int64_t block : {1, 8}) {
    const Spectrum found = lanczos(map, {.largest = 10, .smallest = 10, .block = block});
    for (std::size_t i = 0; i < 10; ++i) {
      EXPECT_NEAR(found.largest.values[i], exact[exact.size() - 1 - i], 1e-8 * norm) << i;
      EXPECT_NEAR(found.smallest.values[i], exact[i], 1e-8 * norm) << i;
      EXPECT_LE(found.largest.residuals[i], 1e-10 * norm);
      EXPECT_LE(found.smallest.residuals[i], 1e-10 * norm);
    }
  }
}

TEST_P(Curvature, EndsOfTheSpectraOfHessianAndGaussNewton) {
  const LinearMap g =
      gauss_newton_map(s_.at.outputs(s_.model.x), cross_entropy_loss(s_.model.y), s_.at);
  const Tensor outer = dense(g), functional = (Var(s_.matrix) - outer).tensor();
  expect_ends(s_.hessian, s_.values, s_.norm);
  expect_ends(g, eigenvalues(outer), s_.norm);
  expect_ends(s_.hessian - g, eigenvalues(functional), s_.norm);
}

TEST_P(Curvature, ExactTraceDiagonalAndNorm) {
  const Tensor diagonal = s_.matrix.diagonal();
  const double trace = sum(diagonal).tensor().item(), squares = sum_of_squares(s_.matrix);
  EXPECT_NEAR(exact_trace(s_.hessian), trace, 1e-10 * std::abs(trace));
  EXPECT_LT(amax(abs(Var(exact_diagonal(s_.hessian)) - diagonal)).tensor().item(), 1e-10 * s_.norm);
  EXPECT_NEAR(exact_squared_frobenius_norm(s_.hessian), squares, 1e-10 * squares);
}

// 100 seeds on the same matrix, whose products are those of the map to
// rounding.
TEST_P(Curvature, ErrorsAreHonest) {
  const LinearMap map = matrix_map(s_.matrix, s_.hessian.range(), s_.hessian.domain());
  const Tensor diagonal = s_.matrix.diagonal();
  const double trace = sum(diagonal).tensor().item(), squares = sum_of_squares(s_.matrix);
  const Tensor symmetric = ((Var(s_.matrix) + transpose(s_.matrix)) * 0.5).tensor();
  const LinearMap for_slq = matrix_map(symmetric, s_.hessian.range(), s_.hessian.domain());
  const std::int64_t greatest = static_cast<std::int64_t>(argmax(abs(diagonal), 0).item());
  const auto element = [&](const DiagonalEstimate& d) {
    return Estimate{.value = d.values.at({greatest}), .std_error = d.std_errors.at({greatest})};
  };
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
      {"diagonal", diagonal.at({greatest}),
       [&](auto k) { return element(hutchinson_diagonal(map, {.products = 60, .key = k})); }},
      {"xdiag", diagonal.at({greatest}),
       [&](auto k) { return element(xdiag(map, {.products = 60, .key = k})); }},
      {"slq", trace / static_cast<double>(s_.matrix.size(0)),
       [&](auto k) {
         return Slq(for_slq, {.probes = 30, .steps = 8, .batch = 30, .key = k}).moment(1);
       }},
      {"slq, second moment", squares / static_cast<double>(s_.matrix.size(0)), [&](auto k) {
         return Slq(for_slq, {.probes = 30, .steps = 8, .batch = 30, .key = k}).moment(2);
       }}};
  for (const auto& [name, truth, estimate] : cases) {
    SCOPED_TRACE(name);
    expect_honest(truth, estimate);
  }
}

// The map itself is sampled as its matrix is, to rounding.
TEST_P(Curvature, TheMapIsSampledAsItsMatrix) {
  const LinearMap map = matrix_map(s_.matrix, s_.hessian.range(), s_.hessian.domain());
  const Sampling o{.products = 30, .key = {1, 2}};
  const double trace = sum(abs(s_.matrix.diagonal())).tensor().item();
  EXPECT_NEAR(hutchinson_trace(s_.hessian, o).value, hutchinson_trace(map, o).value, 1e-12 * trace);
  EXPECT_NEAR(xtrace(s_.hessian, o).value, xtrace(map, o).value, 1e-10 * trace);
  EXPECT_NEAR(squared_frobenius_norm(s_.hessian, o).value, squared_frobenius_norm(map, o).value,
              1e-12 * sum_of_squares(s_.matrix));
}

constexpr auto small = &testing::small_model, larger = &testing::larger_model;
INSTANTIATE_TEST_SUITE_P(Models, Curvature,
                         ::testing::Values(Case{"mlp", small, "mlp"}, Case{"cnn", small, "cnn"},
                                           Case{"vit", small, "vit"}, Case{"lstm", small, "lstm"},
                                           Case{"larger_mlp", larger, "mlp"},
                                           Case{"larger_resnet", larger, "resnet"},
                                           Case{"larger_vit", larger, "vit"},
                                           Case{"larger_lstm", larger, "lstm"}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace sonde
