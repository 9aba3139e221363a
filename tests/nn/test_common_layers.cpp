// Convolution, pooling, norms, embedding, dropout, activations, sequences: names, sizes, closed
// forms, state and errors. Numbers in general are compared with PyTorch's in test_parity_layers.
#include <gtest/gtest.h>

#include <cmath>

#include "autograd/ops.hpp"
#include "nn/activation.hpp"
#include "nn/batch_norm.hpp"
#include "nn/conv.hpp"
#include "nn/dropout.hpp"
#include "nn/embedding.hpp"
#include "nn/linear.hpp"
#include "nn/norm.hpp"
#include "nn/pool.hpp"
#include "nn/sequential.hpp"
#include "nn/state_dict.hpp"
#include "tests/nn/expect_code.hpp"

namespace sonde::nn {
namespace {

using sonde::testing::expect_code;
using Paths = std::vector<std::string>;
constexpr philox::Key key{1, 0};

Tensor f64(std::initializer_list<double> values, const Dims& shape) {
  return Tensor::from<double>(values, shape);
}
Paths paths(const std::vector<NamedEntry>& entries) {
  Paths out;
  for (const auto& e : entries) out.push_back(e.path);
  return out;
}
std::vector<double> values(const Var& v) {
  return v.tensor().to_vector<double>();
}

// --- convolution

TEST(Conv, ParametersHavePyTorchsNamesShapesAndBounds) {
  const Conv2d two(4, 6, {3, 5}, key, {.groups = 2});
  EXPECT_EQ(paths(two.named_parameters()), (Paths{"weight", "bias"}));
  EXPECT_EQ(two.parameter_tensors()[0].shape(), (Dims{6, 2, 3, 5}));
  EXPECT_EQ(two.parameter_tensors()[1].shape(), Dims{6});
  double greatest = 0;
  for (const Tensor& t : two.parameter_tensors())
    for (double v : t.to_vector<double>()) greatest = std::max(greatest, std::abs(v));
  EXPECT_LE(greatest, 1 / std::sqrt(30.0));
  EXPECT_GT(greatest, 0.95 / std::sqrt(30.0));
  const Conv1d one(4, 6, 3, key, {.bias = false});
  EXPECT_EQ(paths(one.named_parameters()), (Paths{"weight"}));
  EXPECT_EQ(one.parameter_tensors()[0].shape(), (Dims{6, 4, 3}));
}

TEST(Conv, SumsItsWindows) {
  Conv1d layer(1, 1, 2, key);
  layer.convert(DType::f64);
  layer.set_parameters({f64({1, 10}, {1, 1, 2}), f64({100}, {1})});
  EXPECT_EQ(values(layer(f64({1, 2, 3}, {1, 1, 3}))), (std::vector<double>{121, 132}));
  EXPECT_EQ(values(layer(f64({1, 2, 3}, {1, 3}))), (std::vector<double>{121, 132}));
  Conv1d same(1, 1, 2, key, {.bias = false, .same_padding = true});  // the odd zero comes last
  same.convert(DType::f64);
  same.set_parameters({f64({1, 10}, {1, 1, 2})});
  EXPECT_EQ(values(same(f64({1, 2, 3}, {1, 1, 3}))), (std::vector<double>{21, 32, 3}));
}

TEST(Conv, SamePaddingKeepsTheSize) {
  for (std::int64_t k : {1, 2, 3, 4, 7})
    for (std::int64_t d : {1, 2, 3}) {
      const Conv2d layer(2, 3, {k, 8 - k}, key, {.dilation = {d, 1}, .same_padding = true});
      EXPECT_EQ(layer(Tensor::zeros({1, 2, 9, 5})).shape(), (Dims{1, 3, 9, 5}));
    }
}

TEST(Conv, DescribesItself) {
  EXPECT_EQ(Conv2d(4, 6, {3, 3}, key, {.stride = {2, 1}, .groups = 2, .bias = false}).description(),
            "Conv2d(4, 6, kernel_size=(3, 3), stride=(2, 1), groups=2, bias=false)");
  EXPECT_EQ(Conv2d(4, 6, 3, key).description(), "Conv2d(4, 6, kernel_size=(3, 3))");
  EXPECT_EQ(Conv1d(4, 6, 3, key, {.dilation = 2, .same_padding = true}).description(),
            "Conv1d(4, 6, kernel_size=3, padding=same, dilation=2)");
}

TEST(Conv, BadSizesAreErrors) {
  expect_code(ErrorCode::value, [] { Conv2d(0, 1, {3, 3}, key); });
  expect_code(ErrorCode::value, [] { Conv2d(4, 6, {3, 3}, key, {.groups = 4}); });
  expect_code(ErrorCode::value, [] { Conv2d(4, 6, {3, 3}, key, {.groups = 0}); });
  expect_code(ErrorCode::value, [] { Conv2d(1, 1, {0, 3}, key); });
  expect_code(ErrorCode::value, [] { Conv2d(1, 1, {3, 3}, key, {.stride = {1, 0}}); });
  expect_code(ErrorCode::value, [] { Conv1d(1, 1, 3, key, {.padding = -1}); });
  expect_code(ErrorCode::value, [] { Conv1d(1, 1, 3, key, {.dilation = 0}); });
  expect_code(ErrorCode::value, [] { Conv1d(1, 1, 3, key, {.stride = 2, .same_padding = true}); });
  expect_code(ErrorCode::value, [] { Conv1d(1, 1, 3, key, {.padding = 2, .same_padding = true}); });
  expect_code(ErrorCode::shape, [] { Conv2d(3, 1, {3, 3}, key)(Tensor::zeros({1, 2, 5, 5})); });
  expect_code(ErrorCode::shape, [] { Conv2d(3, 1, {3, 3}, key)(Tensor::zeros({3, 5})); });
  expect_code(ErrorCode::shape, [] { Conv1d(3, 1, 6, key)(Tensor::zeros({1, 3, 5})); });
}

// --- pooling

TEST(Pool, PassesSizesAndOptions) {
  const Var x = Tensor::arange(16).to(DType::f64).reshape({1, 1, 4, 4});
  EXPECT_EQ(values(MaxPool2d({2, 2})(x)), (std::vector<double>{5, 7, 13, 15}));
  EXPECT_EQ(values(MaxPool2d({2, 2}, {.stride = Size2{1, 2}})(x)),
            (std::vector<double>{5, 7, 9, 11, 13, 15}));
  EXPECT_EQ(values(AvgPool2d({2, 2})(x)), (std::vector<double>{2.5, 4.5, 10.5, 12.5}));
  EXPECT_EQ(values(AdaptiveAvgPool2d({1, 1})(x)), std::vector<double>{7.5});
  EXPECT_EQ(values(AdaptiveMaxPool2d({1, 2})(x)), (std::vector<double>{13, 15}));
  const Var line = reshape(x, {1, 1, 16});
  EXPECT_EQ(values(MaxPool1d(5)(line)), (std::vector<double>{4, 9, 14}));
  EXPECT_EQ(values(AvgPool1d(2, {.stride = 7, .padding = 1, .count_include_pad = false})(line)),
            (std::vector<double>{0, 6.5, 13.5}));
  EXPECT_EQ(values(AdaptiveAvgPool1d(2)(line)), (std::vector<double>{3.5, 11.5}));
  EXPECT_EQ(values(AdaptiveMaxPool1d(2)(line)), (std::vector<double>{7, 15}));
  EXPECT_EQ(MaxPool2d({3, 2}, {.padding = {1, 0}}).description(),
            "MaxPool2d(kernel_size=(3, 2), stride=(3, 2), padding=(1, 0))");
  EXPECT_EQ(MaxPool2d(3, {.stride = Size2{2, 2}}).description(),
            "MaxPool2d(kernel_size=(3, 3), stride=(2, 2), padding=(0, 0))");
  EXPECT_EQ(AdaptiveAvgPool2d(4).description(), "AdaptiveAvgPool2d(output_size=(4, 4))");
  EXPECT_EQ(AdaptiveAvgPool1d(2).description(), "AdaptiveAvgPool1d(output_size=2)");
  expect_code(ErrorCode::value, [&] { MaxPool2d({2, 2}, {.padding = {2, 2}})(x); });
  expect_code(ErrorCode::value, [&] { AdaptiveAvgPool2d({-1, 1})(x); });
}

// --- norms

TEST(Norms, NamesAndFirstValues) {
  EXPECT_EQ(paths(LayerNorm({3, 4}).named_parameters()), (Paths{"weight", "bias"}));
  EXPECT_EQ(paths(LayerNorm({3}, {.bias = false}).named_parameters()), (Paths{"weight"}));
  EXPECT_EQ(LayerNorm({3}, {.elementwise_affine = false}).parameter_count(), 0);
  EXPECT_EQ(paths(RmsNorm({3}).named_parameters()), (Paths{"weight"}));
  EXPECT_EQ(paths(GroupNorm(2, 4).named_parameters()), (Paths{"weight", "bias"}));
  EXPECT_EQ(GroupNorm(2, 4, {.affine = false}).parameter_count(), 0);
  EXPECT_EQ(LayerNorm({3, 4}).parameter_tensors()[0].to_vector<float>(), std::vector<float>(12, 1));
  EXPECT_EQ(LayerNorm({3, 4}).parameter_tensors()[1].to_vector<float>(), std::vector<float>(12, 0));
}

TEST(Norms, ClosedForms) {
  const LayerNorm layer({2}, {.eps = 0, .elementwise_affine = false});
  EXPECT_EQ(values(layer(f64({1, 3, 10, 6}, {2, 2}))), (std::vector<double>{-1, 1, 1, -1}));
  RmsNorm rms({2}, {.eps = 11.5});
  rms.convert(DType::f64);
  rms.set_parameters({f64({4, 8}, {2})});
  EXPECT_EQ(values(rms(f64({3, 4}, {2}))),
            (std::vector<double>{12.0 / std::sqrt(24.0), 32.0 / std::sqrt(24.0)}));
  // Without eps, that of the type: x = 0 stays 0, tiny x is damped by it.
  const RmsNorm plain({1}, {.elementwise_affine = false});
  EXPECT_EQ(values(plain(f64({0}, {1})))[0], 0);
  EXPECT_DOUBLE_EQ(values(plain(f64({0x1p-26}, {1})))[0], std::sqrt(0.5));
  EXPECT_FLOAT_EQ(plain(Tensor::from<float>({0x1p-12f}, {1})).tensor().to_vector<float>()[0],
                  static_cast<float>(std::sqrt(1 / 3.0)));
}

TEST(Norms, BadSizesAreErrors) {
  expect_code(ErrorCode::value, [] { LayerNorm({}); });
  expect_code(ErrorCode::value, [] { LayerNorm({3, 0}); });
  expect_code(ErrorCode::value, [] { LayerNorm({3}, {.eps = -1}); });
  expect_code(ErrorCode::value, [] { RmsNorm({0}); });
  expect_code(ErrorCode::value, [] { GroupNorm(3, 4); });
  expect_code(ErrorCode::value, [] { GroupNorm(0, 4); });
  expect_code(ErrorCode::shape, [] { LayerNorm({3})(Tensor::zeros({3, 4})); });
  expect_code(ErrorCode::shape, [] { RmsNorm({3})(Tensor::zeros({4})); });
  expect_code(ErrorCode::shape, [] { GroupNorm(2, 4)(Tensor::zeros({3, 6})); });
  expect_code(ErrorCode::shape, [] { GroupNorm(2, 4)(Tensor::zeros({4})); });
}

// --- batch norm

// A call in training; its updates are committed.
Var train(Module& m, const Var& x) {
  Context ctx(m, m.parameters(), {.mode = Mode::train});
  const Var y = m(ctx, x);
  m.commit(ctx.updates());
  return y;
}
double buffer(const Module& m, const std::string& name) {
  return state_dict(m).at(name).item();
}

TEST(BatchNorm, HasPyTorchsState) {
  const BatchNorm2d m(3);
  EXPECT_EQ(paths(m.named_entries()),
            (Paths{"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}));
  EXPECT_EQ(state_dict(m).at("num_batches_tracked").spec(), (Spec{Dims{}, DType::i64, Device{}}));
  EXPECT_EQ(state_dict(m).at("running_var").to_vector<float>(), std::vector<float>(3, 1));
  EXPECT_TRUE(
      BatchNorm1d(3, {.affine = false, .track_running_stats = false}).named_entries().empty());
}

TEST(BatchNorm, KeepsRunningStatistics) {
  BatchNorm1d m(1, {.eps = 0, .momentum = 0.25});
  m.convert(DType::f64);
  const Var x = f64({1, 5, 3, 7}, {4, 1});  // mean 4, variance 5, or 20/3 over n - 1
  EXPECT_DOUBLE_EQ(values(train(m, x))[0], -3 / std::sqrt(5.0));
  EXPECT_DOUBLE_EQ(buffer(m, "running_mean"), 1);
  EXPECT_DOUBLE_EQ(buffer(m, "running_var"), 0.75 + 0.25 * 20 / 3);
  EXPECT_EQ(buffer(m, "num_batches_tracked"), 1);
  EXPECT_DOUBLE_EQ(values(m(x))[0], 0);
  EXPECT_DOUBLE_EQ(values(m(x))[1], 4 / std::sqrt(0.75 + 5.0 / 3));
}

TEST(BatchNorm, UpdatesComeOutOfGradientsAndCheckpoints) {
  BatchNorm1d m(2);
  m.convert(DType::f64);
  const Var x = f64({1, 5, 3, 7, 2, 0}, {3, 2});
  std::vector<LossAndGrads> results;
  for (const bool again : {false, true})
    results.push_back(value_and_grad(m, [&](Context& ctx) {
      return make_vars(sum(tanh(again ? checkpointed(ctx, m, x) : m(ctx, x))));
    }));
  EXPECT_EQ(buffer(m, "num_batches_tracked"), 0);
  ASSERT_EQ(results[0].updates.size(), 3u);
  ASSERT_EQ(results[1].updates.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(results[0].updates[i].value.to_vector<double>(),
              results[1].updates[i].value.to_vector<double>());
  EXPECT_DOUBLE_EQ(results[0].updates[0].value.at({0}), 0.1 * 2);  // of a mean of 2
  for (std::size_t i = 0; i < 2; ++i)
    EXPECT_EQ(values(results[0].grads[i]), values(results[1].grads[i]));
}

TEST(BatchNorm, WithoutMomentumAveragesAllBatches) {
  BatchNorm1d m(1, {.momentum = std::nullopt});
  m.convert(DType::f64);
  for (double shift : {0.0, 3.0, 9.0}) train(m, f64({shift - 1, shift + 1}, {2, 1}));
  EXPECT_DOUBLE_EQ(buffer(m, "running_mean"), 4);
  EXPECT_DOUBLE_EQ(buffer(m, "running_var"), 2);
  EXPECT_EQ(buffer(m, "num_batches_tracked"), 3);
}

TEST(BatchNorm, WithoutStatisticsUsesTheBatchAlways) {
  BatchNorm1d m(1, {.eps = 0, .affine = false, .track_running_stats = false});
  const Var x = f64({1, 3}, {2, 1});
  EXPECT_EQ(values(m(x)), (std::vector<double>{-1, 1}));
  EXPECT_EQ(values(train(m, x)), (std::vector<double>{-1, 1}));
  // so lanes of vmap may each have a batch
  EXPECT_EQ(values(vmap([&](const Var& v) { return m(v); })(f64({1, 3, 7, 5}, {2, 2, 1}))),
            (std::vector<double>{-1, 1, 1, -1}));
}

TEST(BatchNorm, BadInputIsAnError) {
  expect_code(ErrorCode::value, [] { BatchNorm1d(0); });
  expect_code(ErrorCode::value, [] { BatchNorm1d(2, {.eps = -1}); });
  BatchNorm1d one(2);
  BatchNorm2d two(2);
  expect_code(ErrorCode::shape, [&] { one(Tensor::zeros({3, 3})); });
  expect_code(ErrorCode::shape, [&] { one(Tensor::zeros({2, 2, 2, 2})); });
  expect_code(ErrorCode::shape, [&] { two(Tensor::zeros({2, 2, 2})); });
  expect_code(ErrorCode::shape, [&] { train(one, Tensor::zeros({1, 2})); });
  expect_code(ErrorCode::shape, [&] { train(two, Tensor::zeros({1, 2, 1, 1})); });
  expect_code(ErrorCode::shape, [&] { train(one, Tensor::zeros({0, 2})); });
  expect_code(ErrorCode::shape, [&] {
    BatchNorm1d(2, {.track_running_stats = false})(Tensor::zeros({1, 2}));
  });
  EXPECT_EQ(one(Tensor::zeros({1, 2})).shape(), (Dims{1, 2}));  // eval takes any batch
  const auto lanes = vmap([&](const Var& x) {
    return functional_call(one, one.parameters(), x, {.mode = Mode::train});
  });
  expect_code(ErrorCode::rule, [&] { lanes(Var(Tensor::zeros({3, 4, 2}))); });
}

// --- embedding

TEST(Embedding, TakesRows) {
  Embedding m(4, 3, key);
  EXPECT_EQ(paths(m.named_parameters()), (Paths{"weight"}));
  const Var y = m(Tensor::from<std::int64_t>({3, 0}, {2, 1}));
  EXPECT_EQ(y.shape(), (Dims{2, 1, 3}));
  EXPECT_EQ(values(select(y, 0, 0)), values(slice(Var(m.weight()->value), 0, 3, 4)));
}

TEST(Embedding, PaddingBeginsAsZeroAndGetsNoGradient) {
  for (std::int64_t padding : {1, -2}) {
    const Embedding m(3, 2, key, {.padding_idx = padding});
    EXPECT_EQ(values(select(Var(m.weight()->value), 0, 1)), (std::vector<double>{0, 0}));
    EXPECT_NE(m.weight()->value.at({0, 0}), 0);
    const auto r = value_and_grad(m, [&](Context& ctx) {
      return make_vars(sum(m(ctx, Tensor::from<std::int64_t>({1, 2, 1, 2, 0}, {5}))));
    });
    EXPECT_EQ(values(r.grads[0]), (std::vector<double>{1, 1, 0, 0, 2, 2}));
  }
}

TEST(Embedding, BadInputIsAnError) {
  expect_code(ErrorCode::value, [] { Embedding(0, 2, key); });
  expect_code(ErrorCode::value, [] { Embedding(2, -1, key); });
  expect_code(ErrorCode::value, [] { Embedding(3, 2, key, {.padding_idx = 3}); });
  expect_code(ErrorCode::value, [] { Embedding(3, 2, key, {.padding_idx = -4}); });
  const Embedding m(3, 2, key);
  expect_code(ErrorCode::axis, [&] { m(Tensor::from<std::int64_t>({0, 3}, {2})); });
  expect_code(ErrorCode::axis, [&] { m(Tensor::from<std::int64_t>({-1}, {1})); });
  expect_code(ErrorCode::dtype, [&] { m(Tensor::ones({1})); });
}

// --- dropout

TEST(Dropout, KeepsTheMeanAndTheKeysMask) {
  const Dropout m(0.2);
  const Var x = Tensor::full({100, 100}, 4);
  auto draw = [&](std::uint64_t seed) {
    return functional_call(m, {}, x, {.mode = Mode::train, .key = random_key(seed)})
        .tensor()
        .to_vector<float>();
  };
  const auto y = draw(1);
  int kept = 0;
  for (float v : y) {
    EXPECT_TRUE(v == 0 || v == 5);
    kept += v == 5;
  }
  EXPECT_NEAR(kept, 8000, 5 * 40);
  EXPECT_EQ(draw(1), y);
  EXPECT_NE(draw(2), y);
}

TEST(Dropout, GradientHasTheSameMask) {
  const Dropout m(0.5);
  const CallOptions options{.mode = Mode::train, .key = random_key(3)};
  const Var x = f64({1, 2, 3, 4, 5, 6, 7, 8}, {8});
  const Function f = [&](const Var& v) { return sum(functional_call(m, {}, v, options)); };
  EXPECT_EQ(values(mul(grad(f)(make_vars(x))[0], x)), values(functional_call(m, {}, x, options)));
}

TEST(Dropout, IsTheIdentityInEvalModeAndForZero) {
  const Var x = f64({1, 2}, {2});
  EXPECT_EQ(values(Dropout(0.5)(x)), values(x));
  const Dropout none(0), all(1);
  EXPECT_EQ(values(functional_call(none, {}, x, {.mode = Mode::train})), values(x));
  EXPECT_EQ(values(functional_call(all, {}, x, {.mode = Mode::train, .key = random_key(0)})),
            (std::vector<double>{0, 0}));
  expect_code(ErrorCode::value, [] { Dropout(-0.1); });
  expect_code(ErrorCode::value, [] { Dropout(1.1); });
  expect_code(ErrorCode::value, [] { Dropout(std::nan("")); });
  expect_code(ErrorCode::value,
              [&] { functional_call(Dropout(0.5), {}, x, {.mode = Mode::train}); });
}

// --- activations, sequences

TEST(Activations, AreTheirFunctions) {
  const Var x = f64({-2, -0.5, 0, 0.5, 30}, {5});
  EXPECT_EQ(values(Relu()(x)), values(relu(x)));
  EXPECT_EQ(values(Silu()(x)), values(silu(x)));
  EXPECT_EQ(values(Sigmoid()(x)), values(sigmoid(x)));
  EXPECT_EQ(values(Tanh()(x)), values(tanh(x)));
  EXPECT_EQ(values(Gelu()(x)), values(gelu(x)));
  EXPECT_EQ(values(Gelu(Gelu::Approximate::tanh)(x)), values(gelu_tanh(x)));
  EXPECT_EQ(values(LeakyRelu(0.3)(x)), values(leaky_relu(x, 0.3)));
  EXPECT_EQ(values(Elu(2)(x)), values(elu(x, 2)));
  EXPECT_EQ(values(Softplus(2, 10)(x)), values(softplus(x, 2, 10)));
  EXPECT_EQ(Relu().description(), "Relu()");
  expect_code(ErrorCode::value, [&] { Softplus(0)(x); });
}

TEST(Sequential, CallsItsModulesInTurn) {
  Sequential m(std::make_unique<Linear>(2, 3, key), std::make_unique<Relu>(),
               std::make_unique<Linear>(3, 1, key));
  EXPECT_EQ(m.size(), 3u);
  EXPECT_EQ(paths(m.named_parameters()), (Paths{"0.weight", "0.bias", "2.weight", "2.bias"}));
  const Var x = Tensor::from<float>({1, -2}, {1, 2});
  EXPECT_EQ(values(m(x)), values(m[2](relu(m[0](x)))));
  expect_code(ErrorCode::axis, [&] { m[3]; });
  expect_code(ErrorCode::value, [&] { m.append(nullptr); });
}

TEST(Sequential, IsMadeOfAList) {
  Sequential::List list;
  for (int i = 0; i < 3; ++i) list.push_back(std::make_unique<Identity>());
  list.push_back(std::make_unique<Flatten>());
  const Sequential m(std::move(list));
  EXPECT_EQ(m(Tensor::zeros({2, 3, 4, 5})).shape(), (Dims{2, 60}));
  EXPECT_EQ(Sequential()(f64({7}, {1})).item(), 7);
  EXPECT_EQ(Flatten(1, 2)(Tensor::zeros({2, 3, 4, 5})).shape(), (Dims{2, 12, 5}));
  expect_code(ErrorCode::axis, [] { Flatten(3)(Tensor::zeros({2, 3})); });
}

}  // namespace
}  // namespace sonde::nn
