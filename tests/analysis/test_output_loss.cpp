// The closed forms of losses' Hessians with respect to outputs, against autograd's.
#include "analysis/output_loss.hpp"

#include <gtest/gtest.h>

#include "autograd/ops.hpp"
#include "nn/init.hpp"
#include "tensor/allocator.hpp"
#include "tests/analysis/values.hpp"
#include "tests/nn/expect_code.hpp"

namespace sonde {
namespace {

using testing::distance;
using testing::random;

using testing::expect_code;

double inner(const Var& a, const Var& b) {
  return sum(mul(a, b)).item();
}

struct Case {
  std::string name;
  LikelihoodPtr loss;
  Tensor z;
  double loss_of_z;  ///< by the loss's own function
};

std::vector<Case> cases() {
  const Tensor z = random({4, 3}, 1), maps = random({2, 3, 2, 2}, 2), one = random({3}, 3);
  const Var classes = Tensor::from<std::int64_t>({0, 2, 1, 2}, {4}),
            ignoring = Tensor::from<std::int64_t>({0, 7, 1, 7}, {4}),
            of_maps = Tensor::from<std::int64_t>({0, 2, 1, 2, 1, 1, 0, 7}, {2, 2, 2}),
            single = Tensor::from<std::int64_t>({1}, {}), soft = softmax(random({4, 3}, 4), 1),
            values = random({4, 3}, 5), bits = to(gt(values, 0.0), DType::f64),
            weight = softmax(random({3}, 6), 0), positive = softmax(random({4, 3}, 7), 1);
  std::vector<Case> all;
  for (const Reduction r : {Reduction::mean, Reduction::sum}) {
    const std::string n = r == Reduction::mean ? " mean" : " sum";
    auto ce = [&](const std::string& name, const Var& target, const Tensor& x, std::int64_t ignore,
                  double smoothing) {
      all.push_back({name + n, cross_entropy_loss(target, {r, ignore, smoothing}), x,
                     cross_entropy(x, target, r, ignore, smoothing).item()});
    };
    ce("classes", classes, z, -100, 0);
    ce("smoothed", classes, z, -100, 0.2);
    ce("ignored", ignoring, z, 7, 0);
    ce("ignored and smoothed", ignoring, z, 7, 0.3);
    ce("maps", of_maps, maps, 7, 0.1);
    ce("one sample", single, one, -100, 0);
    ce("probabilities", soft, z, -100, 0.1);
    all.push_back({"mse" + n, mse_loss(values, r), z, nn::mse_loss(z, values, r).item()});
    for (const nn::BceWithLogitsOptions& o :
         {nn::BceWithLogitsOptions{.reduction = r},
          nn::BceWithLogitsOptions{.weight = weight, .pos_weight = positive, .reduction = r}})
      all.push_back({"bce" + n, bce_with_logits_loss(bits, o), z,
                     nn::binary_cross_entropy_with_logits(z, bits, o).item()});
  }
  return all;
}

TEST(OutputLosses, ValueGradientAndHessianAreAutograds) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    EXPECT_DOUBLE_EQ(c.loss->value(c.z).item(), c.loss_of_z);
    const Function value = [&](const Var& x) { return c.loss->value(x); };
    EXPECT_LT(distance(c.loss->gradient(c.z), grad(value)(c.z)), 1e-15);
    Dims shape = c.z.shape();
    shape.insert(0, 3);
    const Var v = random(shape, 9);
    const Var by_hand = c.loss->hessian_product(c.z, v),
              by_machine = c.loss->OutputLoss::hessian_product(c.z, v);
    EXPECT_GT(amax(abs(by_hand)).item(), 1e-3);
    EXPECT_LT(distance(by_hand, by_machine), 1e-14);
  }
}

TEST(OutputLosses, TheRootsSquareIsTheHessian) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    Dims shape = c.z.shape();
    shape.insert(0, 3);
    const Var v = random(shape, 9), u = random(shape, 10);
    const Var half = c.loss->root_transposed_product(c.z, v);
    EXPECT_LT(distance(c.loss->root_product(c.z, half), c.loss->hessian_product(c.z, v)), 1e-14);
    EXPECT_NEAR(inner(half, u), inner(v, c.loss->root_product(c.z, u)), 1e-13) << "transposes";
  }
}

// E[g g'] = H: over many draws the mean of <g, v>^2 is v'Hv / scale, and that of g is 0.
TEST(OutputLosses, DrawnScoresHaveTheHessianAsCovariance) {
  constexpr int draws = 4000;
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    const Var v = random(c.z.shape(), 11);
    double mean = 0, square = 0, fourth = 0;
    for (int s = 0; s < draws; ++s) {
      const double a = inner(v, c.loss->drawn_scores(c.z, fold_in(random_key(3), s)));
      mean += a / draws;
      square += a * a / draws;
      fourth += a * a * a * a / draws;
    }
    const double expected =
        inner(v, squeeze(c.loss->hessian_product(c.z, unsqueeze(v, 0)), 0)) / c.loss->scale();
    EXPECT_LT(std::abs(mean), 4 * std::sqrt(square / draws));
    EXPECT_LT(std::abs(square - expected), 4 * std::sqrt((fourth - square * square) / draws));
    EXPECT_LT(distance(mul(c.loss->scores(c.z), c.loss->scale()), c.loss->gradient(c.z)), 1e-15);
  }
}

// No more than three times the logits at once, softmax and product among them.
TEST(OutputLosses, CrossEntropysHessianTakesThreeTimesTheLogits) {
  const std::int64_t n = 64, classes = 2000;
  const Tensor z = random({n, classes}, 1), v = random({1, n, classes}, 2);
  const LikelihoodPtr loss = cross_entropy_loss(Tensor::zeros({n}, DType::i64));
  const std::int64_t before = current_bytes();
  reset_peak_bytes();
  const Var product = loss->hessian_product(z, v);
  EXPECT_LE(static_cast<double>(peak_bytes() - before), 3.05 * n * classes * 8);
}

TEST(OutputLosses, AnyFunctionOfTheOutputs) {
  const OutputLossPtr loss = function_loss([](const Var& z) { return sum(exp(z)); });
  const Tensor z = random({3}, 1), v = random({2, 3}, 2);
  EXPECT_LT(distance(loss->hessian_product(z, v), mul(exp(z), v)), 1e-15);
}

TEST(OutputLosses, RefuseReductionNone) {
  const Var target = Tensor::zeros({2}, DType::i64), values = Tensor::zeros({2});
  expect_code(ErrorCode::value, [&] { cross_entropy_loss(target, {Reduction::none}); });
  expect_code(ErrorCode::value, [&] { mse_loss(values, Reduction::none); });
  expect_code(ErrorCode::value,
              [&] { bce_with_logits_loss(values, {.reduction = Reduction::none}); });
}

}  // namespace
}  // namespace sonde
