// Second derivatives and per-sample gradients of the layers, each alone with its parameters, or
// behind one that has some.
#include "nn/activation.hpp"
#include "nn/batch_norm.hpp"
#include "nn/conv.hpp"
#include "nn/dropout.hpp"
#include "nn/embedding.hpp"
#include "nn/linear.hpp"
#include "nn/norm.hpp"
#include "nn/pool.hpp"
#include "nn/sequential.hpp"
#include "tests/nn/second_order.hpp"

namespace sonde::nn {
namespace {

using sonde::testing::expect_hvp_modes_agree;
using sonde::testing::expect_per_sample_gradients;
using sonde::testing::fill;
using sonde::testing::Subject;
using sonde::testing::uniform_values;
constexpr philox::Key any{};

Dims with_leading(const Dims& shape, std::initializer_list<std::int64_t> leading) {
  Dims out(leading);
  for (const std::int64_t n : shape) out.push_back(n);
  return out;
}

// `layer` on batches of samples of one shape.
void check(const Module& layer, const Dims& sample, CallOptions options = {}) {
  const Subject subject{layer, [&](Context& ctx, const Vars& in) { return layer(ctx, in[0]); },
                        options};
  expect_hvp_modes_agree(subject, make_vars(uniform_values("x", with_leading(sample, {2}))));
  if (options.mode == Mode::eval)
    expect_per_sample_gradients(subject,
                                make_vars(uniform_values("x", with_leading(sample, {3, 1}))));
}

template <class Layer, class... Args>
void check_layer(const Dims& sample, Args&&... args) {
  Layer layer(std::forward<Args>(args)...);
  fill(layer);
  check(layer, sample);
}

// The layer behind a pointwise convolution.
void check_behind_conv2d(std::unique_ptr<Module> layer) {
  SCOPED_TRACE(layer->description());
  Sequential net(std::make_unique<Conv2d>(2, 3, Size2{1, 1}, any), std::move(layer));
  fill(net);
  check(net, {2, 5, 6});
}
void check_behind_conv1d(std::unique_ptr<Module> layer) {
  SCOPED_TRACE(layer->description());
  Sequential net(std::make_unique<Conv1d>(2, 3, 1, any), std::move(layer));
  fill(net);
  check(net, {2, 7});
}
void check_behind_linear(std::unique_ptr<Module> layer, CallOptions options = {}) {
  SCOPED_TRACE(layer->description());
  Sequential net(std::make_unique<Linear>(3, 6, any), std::move(layer));
  fill(net);
  check(net, {3}, options);
}

TEST(LayerDerivatives, Convolution) {
  check_layer<Conv2d>({2, 5, 4}, 2, 4, Size2{3, 3}, any);
  check_layer<Conv2d>({2, 5, 4}, 2, 4, Size2{2, 2}, any, Conv2dOptions{.stride = {2, 2}});
  check_layer<Conv2d>({4, 5, 4}, 4, 4, Size2{3, 2}, any,
                      Conv2dOptions{.padding = {1, 1}, .groups = 4, .bias = false});
  check_layer<Conv2d>({2, 5, 4}, 2, 4, Size2{2, 3}, any,
                      Conv2dOptions{.dilation = {2, 1}, .groups = 2, .same_padding = true});
  check_layer<Conv1d>({2, 7}, 2, 3, 3, any);
  check_layer<Conv1d>({4, 7}, 4, 2, 2, any, Conv1dOptions{.stride = 2, .dilation = 2, .groups = 2});
}

TEST(LayerDerivatives, Pooling) {
  check_behind_conv2d(std::make_unique<MaxPool2d>(Size2{2, 3}));
  check_behind_conv2d(std::make_unique<MaxPool2d>(
      Size2{3, 3}, MaxPool2dOptions{.stride = Size2{1, 2}, .padding = {1, 1}}));
  check_behind_conv2d(std::make_unique<AvgPool2d>(Size2{2, 3}));
  check_behind_conv2d(std::make_unique<AvgPool2d>(
      Size2{3, 3}, AvgPool2dOptions{.padding = {1, 1}, .count_include_pad = false}));
  check_behind_conv2d(std::make_unique<AdaptiveAvgPool2d>(Size2{2, 4}));
  check_behind_conv2d(std::make_unique<AdaptiveMaxPool2d>(Size2{2, 4}));
  check_behind_conv1d(std::make_unique<MaxPool1d>(3));
  check_behind_conv1d(std::make_unique<AvgPool1d>(3));
  check_behind_conv1d(std::make_unique<AdaptiveAvgPool1d>(3));
  check_behind_conv1d(std::make_unique<AdaptiveMaxPool1d>(3));
}

TEST(LayerDerivatives, Norms) {
  check_layer<LayerNorm>({3, 5}, Dims{5});
  check_layer<LayerNorm>({3, 5}, Dims{3, 5}, LayerNormOptions{.bias = false});
  check_layer<RmsNorm>({3, 5}, Dims{5});
  check_layer<GroupNorm>({6, 4, 3}, 2, 6);
  check_layer<GroupNorm>({6}, 3, 6);
  // The sum of squares of normalised values is constant, so a tanh follows.
  check_behind_linear(std::make_unique<Sequential>(
      std::make_unique<LayerNorm>(Dims{6}, LayerNormOptions{.elementwise_affine = false}),
      std::make_unique<Tanh>()));
  check_behind_linear(std::make_unique<Sequential>(
      std::make_unique<RmsNorm>(Dims{6}, RmsNormOptions{.elementwise_affine = false}),
      std::make_unique<Tanh>()));
}

TEST(LayerDerivatives, BatchNormByItsStatistics) {
  check_layer<BatchNorm1d>({6}, 6);
  check_layer<BatchNorm1d>({6, 3}, 6);
  check_layer<BatchNorm2d>({3, 4, 2}, 3);
  check_behind_conv2d(std::make_unique<BatchNorm2d>(3, BatchNormOptions{.affine = false}));
}

TEST(LayerDerivatives, BatchNormByTheBatch) {  // whose statistics depend on x
  const CallOptions train{.mode = Mode::train};
  BatchNorm1d one(6);
  BatchNorm2d two(3);
  fill(one);
  fill(two);
  check(one, {6, 3}, train);
  check(two, {3, 4, 2}, train);
}

TEST(LayerDerivatives, Embedding) {
  for (const auto& options : {EmbeddingOptions{}, EmbeddingOptions{.padding_idx = 1}}) {
    Embedding layer(4, 3, any, options);
    fill(layer);
    const Subject subject{layer, [&](Context& ctx, const Vars& in) { return layer(ctx, in[0]); }};
    expect_hvp_modes_agree(subject, make_vars(Tensor::from<std::int64_t>({0, 1, 3, 1}, {2, 2})));
    expect_per_sample_gradients(subject,
                                make_vars(Tensor::from<std::int64_t>({0, 1, 3, 1, 2, 2}, {3, 2})));
  }
}

TEST(LayerDerivatives, Activations) {
  check_behind_linear(std::make_unique<Relu>());
  check_behind_linear(std::make_unique<LeakyRelu>(0.2));
  check_behind_linear(std::make_unique<Elu>(1.5));
  check_behind_linear(std::make_unique<Gelu>());
  check_behind_linear(std::make_unique<Gelu>(Gelu::Approximate::tanh));
  check_behind_linear(std::make_unique<Silu>());
  check_behind_linear(std::make_unique<Tanh>());
  check_behind_linear(std::make_unique<Sigmoid>());
  check_behind_linear(std::make_unique<Softplus>(2, 1));
}

TEST(LayerDerivatives, LinearDropoutShapes) {
  check_layer<Linear>({3}, 3, 4, any);
  check_behind_linear(std::make_unique<Dropout>(0.4), {.mode = Mode::train, .key = random_key(1)});
  check_behind_linear(std::make_unique<Flatten>(0));
  check_behind_linear(std::make_unique<Identity>());
}

// Each sample with a key of its own draws what it would alone.
TEST(LayerDerivatives, DropoutsLanesDrawTheirOwn) {
  const Dropout layer(0.5);
  const Function f = [&](const Vars& in) {
    return functional_call(layer, {}, in[0], {.mode = Mode::train, .key = in[1]});
  };
  const Var x = uniform_values("x", {4, 9}), keys = split_key(random_key(2), 4);
  const std::int64_t loops = counters().loop_fallbacks;
  const Var lanes = vmap(f)(make_vars(x, keys))[0];
  EXPECT_EQ(counters().loop_fallbacks, loops);
  for (std::int64_t n = 0; n < 4; ++n)
    EXPECT_EQ(select(lanes, 0, n).tensor().to_vector<double>(),
              f(make_vars(select(x, 0, n), select(keys, 0, n)))[0].tensor().to_vector<double>());
}

}  // namespace
}  // namespace sonde::nn
