// Linear layers against closed forms.
#include <gtest/gtest.h>

#include "autograd/ops.hpp"
#include "nn/mlp.hpp"

namespace sonde::nn {
namespace {

Tensor f64(std::initializer_list<double> values, const Dims& shape) {
  return Tensor::from<double>(values, shape);
}

TEST(Linear, IsAnAffineMap) {
  Linear layer(2, 3, {1, 0});
  layer.convert(DType::f64);
  layer.set_parameters({f64({1, 2, 3, 4, 5, 6}, {3, 2}), f64({10, 20, 30}, {3})});
  const Tensor y = layer(f64({1, 1, 0, -1}, {2, 2})).tensor();
  EXPECT_EQ(y.to_vector<double>(), (std::vector<double>{13, 27, 41, 8, 16, 24}));
  EXPECT_EQ(layer(f64({1, 1}, {1, 1, 2})).shape(), (Dims{1, 1, 3}));
}

TEST(Linear, NamesAndSizes) {
  const Linear with(4, 3, {1, 0}), without(4, 3, {1, 0}, {.bias = false});
  EXPECT_EQ(with.parameter_count(), 15);
  EXPECT_EQ(without.parameter_count(), 12);
  EXPECT_EQ(with.named_parameters()[0].path, "weight");
  EXPECT_EQ(with.named_parameters()[1].path, "bias");
  EXPECT_THROW(Linear(0, 3, {}), Error);
  EXPECT_THROW(Linear(3, -1, {}), Error);
}

TEST(Linear, WrongInputNamesTheModule) {
  const Mlp mlp({4, 3, 2}, {1, 0}, {.activation = [](const Var& x) { return mul(x, x); }});
  try {
    mlp(Var(Tensor::zeros({2, 5})));
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::shape);
    EXPECT_EQ(e.module_path(), "layers.0");
  }
}

TEST(Mlp, ComposesItsLayers) {
  Mlp mlp({2, 2, 1}, {1, 0},
          {.activation = [](const Var& x) { return mul(x, x); }, .last_bias = false});
  mlp.convert(DType::f64);
  std::vector<std::string> paths;
  for (const auto& p : mlp.named_parameters()) paths.push_back(p.path);
  EXPECT_EQ(paths,
            (std::vector<std::string>{"layers.0.weight", "layers.0.bias", "layers.1.weight"}));
  mlp.set_parameters({f64({1, 0, 0, 2}, {2, 2}), f64({1, 0}, {2}), f64({3, 5}, {1, 2})});
  // 3 (x0 + 1)^2 + 5 (2 x1)^2 at (1, 2) and, as an image of 1 x 2 pixels, at (0, 1)
  EXPECT_EQ(mlp(f64({1, 2}, {1, 2})).item(), 3 * 4 + 5 * 16);
  EXPECT_EQ(mlp(f64({0, 1}, {1, 1, 1, 2})).item(), 3 + 5 * 4);
}

TEST(Mlp, GradientMatchesTheClosedForm) {  // y = w1 (w0 x)^2
  Mlp mlp({1, 1, 1}, {1, 0},
          {.activation = [](const Var& x) { return mul(x, x); }, .last_bias = false});
  mlp.convert(DType::f64);
  mlp.set_parameters({f64({3}, {1, 1}), f64({0}, {1}), f64({5}, {1, 1})});
  const auto r = value_and_grad(mlp, [&](Context& ctx) {
    return make_vars(sum(mlp(ctx, f64({2}, {1, 1}))));
  });
  EXPECT_EQ(r.value.item(), 5 * 36);
  EXPECT_EQ(r.grads[0].item(), 5 * 2 * 6 * 2);
  EXPECT_EQ(r.grads[1].item(), 5 * 2 * 6);
  EXPECT_EQ(r.grads[2].item(), 36);
}

TEST(Mlp, BadSizesAreErrors) {
  EXPECT_THROW(Mlp({3}, {}, {}), Error);
  EXPECT_THROW(Mlp({3, 2, 1}, {}, {}), Error);  // no activation
}

}  // namespace
}  // namespace sonde::nn
