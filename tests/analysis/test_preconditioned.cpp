// Adam's scale on both sides of a Hessian, against its formula written out.
#include "analysis/preconditioned.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "analysis/function_maps.hpp"
#include "autograd/ops.hpp"
#include "nn/linear.hpp"
#include "tests/analysis/values.hpp"

namespace sonde {
namespace {

using testing::distance;
using testing::random;

TEST(DiagonalMap, ScalesElements) {
  const Tensor values = random({5}, 1), v = random({3, 5}, 2);
  const LinearMap map = diagonal_map(values, Space::flat(5));
  EXPECT_TRUE(map.symmetric());
  EXPECT_EQ(distance(map.apply_batch(v), Var(v) * values), 0);
  EXPECT_EQ(distance(map.transpose_batch(v), Var(v) * values), 0);
  EXPECT_THROW(diagonal_map(values, Space::flat(4)), Error);
  EXPECT_THROW(diagonal_map(values.to(DType::f32), Space::flat(5)), Error);
}

// Two steps on a network of one layer: v is 0.1 g1^2 0.9 + 0.1 g2^2 with beta2 = 0.9.
TEST(AdamPreconditioned, IsTheFormula) {
  constexpr double beta2 = 0.9, eps = 0.01;
  nn::Linear net(3, 2, {1, 1});
  net.convert(DType::f64);
  const Tensor x = random({7, 3}, 3), y = random({7, 2}, 4);
  const auto loss = [&](nn::Context& ctx) { return mean(square(net(ctx, x) - y)); };
  optim::Adam adam(net, {.lr = 0.1, .betas = {0.9, beta2}, .eps = eps});
  const auto hessian = [&] {
    const ParameterPoint at(net);
    return hessian_map(at.function(loss), at);
  };
  EXPECT_THROW(adam_preconditioned(hessian(), adam), Error);
  const Space space = Space::parameters(net);
  Var v = Tensor::zeros({space.size()}, DType::f64);
  for (int step = 0; step < 2; ++step) {
    const auto found =
        nn::value_and_grad(net, [&](nn::Context& ctx) { return make_vars(loss(ctx)); });
    v = v * beta2 + (1 - beta2) * square(Var(space.flatten(found.grads)));
    adam.step(found.grads);
  }
  const Var d = 1.0 / sqrt(sqrt(v / (1 - beta2 * beta2)) + eps);
  const Tensor h = dense(hessian());
  const LinearMap map = adam_preconditioned(hessian(), adam);
  EXPECT_TRUE(map.symmetric());
  EXPECT_LT(distance(dense(map), outer(d, d) * h), 1e-13 * testing::largest(h));
  // A part has the scale of its own parameters.
  const Block& bias = space.block("bias");
  const Var part = outer(d, d) * h;
  EXPECT_LT(distance(dense(adam_preconditioned(hessian().restricted("bias"), adam)),
                     slice(slice(part, 0, bias.begin, {}), 1, bias.begin, {})),
            1e-13 * testing::largest(h));
  EXPECT_THROW(adam_preconditioned(identity_map(Space::flat(4)), adam), Error);
}

}  // namespace
}  // namespace sonde
