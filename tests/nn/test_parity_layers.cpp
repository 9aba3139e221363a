// Layers with every option against PyTorch's, whose results tests/parity/layers.py stored.
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
#include "tests/parity/formula.hpp"

namespace sonde::nn {
namespace {

using sonde::testing::fill;
using sonde::testing::Fixture;
using sonde::testing::uniform_values;
constexpr philox::Key any{};
const CallOptions train{.mode = Mode::train};

// Compares layers with the fixture; every array of the family must be compared.
class Family {
 public:
  explicit Family(std::string name) : name_(std::move(name)) {}
  ~Family() { fixture().expect_complete(name_ + '.'); }
  static const Fixture& fixture() {
    static const Fixture f("layers");
    return f;
  }

  // The layer `name` as it is.
  void compare(const std::string& name, const Module& layer, const Var& x,
               CallOptions options = {}) {
    const std::string key = name.empty() ? name_ : name_ + '.' + name;
    fixture().expect_module(
        key, layer, [&](Context& ctx, const Vars& in) { return layer(ctx, in[0]); }, make_vars(x),
        options);
  }
  // With parameters by the formula, at `scale` times the formula's input; the output in f32 too.
  template <class Layer>
  void check(const std::string& name, Layer layer, const Dims& shape, double scale = 1) {
    fill(*layer);
    const std::string key = name.empty() ? name_ : name_ + '.' + name;
    const Var x = mul(uniform_values(key + ".in0", shape), scale);
    compare(name, *layer, x, train);
    layer->convert(DType::f32);
    fixture().expect_near(
        key + ".out", functional_call(*layer, layer->parameters(), to(x, DType::f32), train), 3e-6);
  }

 private:
  std::string name_;
};

template <class Layer, class... Args>
std::unique_ptr<Module> make(Args&&... args) {
  return std::make_unique<Layer>(std::forward<Args>(args)...);
}
std::unique_ptr<Module> conv2d_layer(std::int64_t out, Size2 kernel, Conv2dOptions o = {}) {
  return make<Conv2d>(4, out, kernel, any, o);
}
std::unique_ptr<Module> conv1d_layer(std::int64_t out, std::int64_t kernel, Conv1dOptions o = {}) {
  return make<Conv1d>(4, out, kernel, any, o);
}

TEST(ParityLayers, Conv2d) {
  Family f("conv2d");
  const Dims x{2, 4, 7, 6};
  f.check("plain", conv2d_layer(3, {3, 2}), x);
  f.check("no_bias", conv2d_layer(3, {3, 3}, {.bias = false}), x);
  f.check("pointwise", conv2d_layer(5, {1, 1}), x);
  f.check("patches", conv2d_layer(3, {2, 2}, {.stride = {2, 2}}), x);
  f.check("stride", conv2d_layer(3, {3, 3}, {.stride = {2, 3}}), x);
  f.check("padding", conv2d_layer(3, {3, 3}, {.padding = {1, 2}}), x);
  f.check("dilation", conv2d_layer(3, {3, 3}, {.dilation = {2, 1}}), x);
  f.check("groups", conv2d_layer(6, {3, 3}, {.groups = 2}), x);
  f.check("depthwise", conv2d_layer(8, {3, 3}, {.padding = {1, 1}, .groups = 4}), x);
  f.check("same", conv2d_layer(2, {3, 5}, {.same_padding = true}), x);
  f.check("same_even", conv2d_layer(2, {4, 2}, {.dilation = {1, 3}, .same_padding = true}), x);
  f.check(
      "all",
      conv2d_layer(
          6, {2, 3},
          {.stride = {2, 1}, .padding = {1, 0}, .dilation = {1, 2}, .groups = 2, .bias = false}),
      x);
  f.check("one_image", conv2d_layer(3, {3, 3}), {4, 7, 6});
}

TEST(ParityLayers, Conv1d) {
  Family f("conv1d");
  const Dims x{2, 4, 9};
  f.check("plain", conv1d_layer(3, 2), x);
  f.check("no_bias", conv1d_layer(3, 3, {.bias = false}), x);
  f.check("same", conv1d_layer(2, 3, {.same_padding = true}), x);
  f.check("same_even", conv1d_layer(2, 4, {.same_padding = true}), x);
  f.check("all", conv1d_layer(6, 3, {.stride = 2, .padding = 3, .dilation = 2, .groups = 2}), x);
  f.check("one_line", conv1d_layer(3, 3), {4, 9});
}

const Dims images{2, 3, 7, 6}, image{3, 7, 6}, lines{2, 3, 11};

TEST(ParityLayers, MaxPool) {
  Family two("max_pool2d"), one("max_pool1d");
  two.check("plain", make<MaxPool2d>(Size2{2, 3}), images);
  two.check("all",
            make<MaxPool2d>(
                Size2{3, 2},
                MaxPool2dOptions{.stride = Size2{2, 1}, .padding = {1, 1}, .dilation = {1, 2}}),
            images);
  one.check("plain", make<MaxPool1d>(2), lines);
  one.check("all", make<MaxPool1d>(3, MaxPool1dOptions{.stride = 2, .padding = 1, .dilation = 2}),
            lines);
}

TEST(ParityLayers, AvgPool) {
  Family two("avg_pool2d"), one("avg_pool1d");
  AvgPool2dOptions o2{.stride = Size2{2, 1}, .padding = {1, 1}};
  AvgPool1dOptions o1{.stride = 3, .padding = 2};
  two.check("plain", make<AvgPool2d>(Size2{2, 3}), images);
  two.check("padding", make<AvgPool2d>(Size2{3, 2}, o2), images);
  one.check("plain", make<AvgPool1d>(3), lines);
  one.check("padding", make<AvgPool1d>(4, o1), lines);
  o1.count_include_pad = o2.count_include_pad = false;
  two.check("no_pad_count", make<AvgPool2d>(Size2{3, 2}, o2), images);
  one.check("no_pad_count", make<AvgPool1d>(4, o1), lines);
}

template <class Pool1d, class Pool2d>
void check_adaptive(const std::string& kind) {
  Family two("adaptive_" + kind + "_pool2d"), one("adaptive_" + kind + "_pool1d");
  two.check("fewer", make<Pool2d>(Size2{3, 4}), images);
  two.check("one", make<Pool2d>(Size2{1, 1}), images);
  two.check("more", make<Pool2d>(Size2{9, 6}), {1, 3, 7, 6});
  one.check("fewer", make<Pool1d>(4), lines);
  one.check("more", make<Pool1d>(13), lines);
}
TEST(ParityLayers, AdaptiveAvgPool) {
  check_adaptive<AdaptiveAvgPool1d, AdaptiveAvgPool2d>("avg");
}
TEST(ParityLayers, AdaptiveMaxPool) {
  check_adaptive<AdaptiveMaxPool1d, AdaptiveMaxPool2d>("max");
}

TEST(ParityLayers, LayerNorm) {
  Family f("layer_norm");
  f.check("plain", make<LayerNorm>(Dims{5}), {2, 3, 5});
  f.check("two_axes", make<LayerNorm>(Dims{3, 5}), {2, 3, 5});
  f.check("eps", make<LayerNorm>(Dims{5}, LayerNormOptions{.eps = 0.1}), {4, 5});
  f.check("no_bias", make<LayerNorm>(Dims{5}, LayerNormOptions{.bias = false}), {4, 5});
  f.check("no_affine", make<LayerNorm>(Dims{5}, LayerNormOptions{.elementwise_affine = false}),
          {4, 5});
}

TEST(ParityLayers, RmsNorm) {
  Family f("rms_norm");
  f.check("plain", make<RmsNorm>(Dims{5}), {2, 3, 5});
  f.check("two_axes", make<RmsNorm>(Dims{3, 5}), {2, 3, 5});
  f.check("eps", make<RmsNorm>(Dims{5}, RmsNormOptions{.eps = 0.1}), {4, 5});
  f.check("no_affine", make<RmsNorm>(Dims{5}, RmsNormOptions{.elementwise_affine = false}), {4, 5});
}

TEST(ParityLayers, GroupNorm) {
  Family f("group_norm");
  f.check("plain", make<GroupNorm>(2, 6), {2, 6, 3, 4});
  f.check("one_group", make<GroupNorm>(1, 6), {2, 6, 5});
  f.check("each_channel", make<GroupNorm>(6, 6), {2, 6, 5});
  f.check("flat", make<GroupNorm>(2, 6), {3, 6});
  f.check("eps", make<GroupNorm>(3, 6, GroupNormOptions{.eps = 0.1}), {3, 6});
  f.check("no_affine", make<GroupNorm>(3, 6, GroupNormOptions{.affine = false}), {2, 6, 5});
}

// Two batches in training, with the buffers after each, then one in eval mode.
void check_batch_norm(Family& f, const std::string& family, const std::string& name,
                      std::unique_ptr<Module> layer, const Dims& shape) {
  fill(*layer);
  for (const std::string batch : {"first", "second", "eval"}) {
    const std::string key = family + '.' + name + '.' + batch;
    const CallOptions options{.mode = batch == "eval" ? Mode::eval : Mode::train};
    const Var x = uniform_values(key + ".in0", shape);
    f.compare(name + '.' + batch, *layer, x, options);
    Context ctx(*layer, layer->parameters(), options);
    (*layer)(ctx, x);
    layer->commit(ctx.updates());
    for (const auto& [path, handle] : layer->named_buffers())
      Family::fixture().expect_near(key + ".buffer." + path, handle->value);
  }
}

TEST(ParityLayers, BatchNorm) {
  Family one("batch_norm1d"), two("batch_norm2d");
  auto check1d = [&](const std::string& name, const Dims& shape) {
    check_batch_norm(one, "batch_norm1d", name, make<BatchNorm1d>(3), shape);
  };
  auto check2d = [&](const std::string& name, const Dims& shape, BatchNormOptions o = {}) {
    check_batch_norm(two, "batch_norm2d", name, make<BatchNorm2d>(3, o), shape);
  };
  const Dims x{2, 3, 4, 3};
  check1d("flat", {5, 3});
  check1d("lines", {2, 3, 4});
  check2d("plain", x);
  check2d("one_image", {1, 3, 2, 1});
  check2d("options", x, {.eps = 0.1, .momentum = 0.3});
  check2d("cumulative", x, {.momentum = std::nullopt});
  check2d("no_affine", x, {.affine = false});
  check2d("no_tracking", x, {.track_running_stats = false});
}

TEST(ParityLayers, Linear) {
  Family f("linear");
  f.check("plain", make<Linear>(5, 3, any), {2, 4, 5});
  f.check("no_bias", make<Linear>(5, 3, any, LinearOptions{.bias = false}), {4, 5});
  f.check("one_sample", make<Linear>(5, 3, any), {5});
}

TEST(ParityLayers, Embedding) {
  Family f("embedding");
  auto check = [&](const std::string& name, EmbeddingOptions options) {
    Embedding layer(6, 4, any, options);
    fill(layer);
    f.compare(name, layer, testing::integer_values("embedding." + name + ".in0", {3, 7}, 6));
  };
  check("plain", {});
  check("padding", {.padding_idx = 2});
  check("padding_from_the_end", {.padding_idx = -3});
}

TEST(ParityLayers, Activations) {
  const Dims x{4, 7};
  auto check = [&](const std::string& name, std::unique_ptr<Module> layer) {
    Family(name).check("", std::move(layer), x, 6);
  };
  check("relu", make<Relu>());
  check("silu", make<Silu>());
  check("sigmoid", make<Sigmoid>());
  check("tanh", make<Tanh>());
  check("gelu", make<Gelu>());
  check("gelu_tanh", make<Gelu>(Gelu::Approximate::tanh));
  Family leaky("leaky_relu"), elu("elu"), softplus("softplus");
  leaky.check("", make<LeakyRelu>(), x, 6);
  leaky.check("slope", make<LeakyRelu>(0.3), x, 6);
  elu.check("", make<Elu>(), x, 6);
  elu.check("alpha", make<Elu>(1.7), x, 6);
  softplus.check("", make<Softplus>(), x, 6);
  softplus.check("options", make<Softplus>(3, 4), x, 6);
}

TEST(ParityLayers, Others) {
  Family dropout("dropout"), identity("identity"), flatten("flatten"), sequential("sequential");
  dropout.compare("eval", Dropout(0.3), uniform_values("dropout.eval.in0", {3, 4}));
  dropout.check("zero", make<Dropout>(0), {3, 4});
  dropout.check("all", make<Dropout>(1), {3, 4});
  identity.check("", make<Identity>(), {3, 4});
  flatten.check("", make<Flatten>(), {2, 3, 4});
  flatten.check("dims", make<Flatten>(0, -2), {2, 3, 4});
  Sequential net(make<Conv2d>(2, 4, Size2{3, 3}, any, Conv2dOptions{.padding = {1, 1}}),
                 make<BatchNorm2d>(4), make<Relu>(), make<MaxPool2d>(Size2{2, 2}), make<Flatten>(),
                 make<Linear>(16, 3, any));
  fill(net);
  sequential.compare("", net, uniform_values("sequential.in0", {2, 2, 4, 5}));
}

}  // namespace
}  // namespace sonde::nn
