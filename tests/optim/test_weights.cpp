// Weights both ways: files that PyTorch saved load, train a step and are saved under the same
// names, shapes and types. tests/parity/check_weights.py made the files, and shows that PyTorch
// takes back what is left in the folder SONDE_WEIGHTS_OUT.
#include <gtest/gtest.h>

#include "autograd/ops.hpp"
#include "nn/models/addition.hpp"
#include "nn/models/bert.hpp"
#include "nn/models/convmixer.hpp"
#include "nn/models/densenet.hpp"
#include "nn/models/gpt.hpp"
#include "nn/models/lstm_classifier.hpp"
#include "nn/models/resnet.hpp"
#include "nn/models/vit.hpp"
#include "nn/sequential.hpp"
#include "nn/state_dict.hpp"
#include "optim/sgd.hpp"
#include "tensor/io_safetensors.hpp"
#include "tests/parity/values.hpp"
#include "tests/paths.hpp"
#include "tests/temp_folder.hpp"

namespace sonde::nn {
namespace {

constexpr philox::Key key{1, 0};
constexpr ImageSpec image{.channels = 2, .height = 8, .width = 8, .classes = 3};

Var reals(const std::string& name, const Dims& shape) {
  return sonde::testing::uniform_values(name + ".x", shape).to(DType::f32);
}
Var integers(const std::string& name, const Dims& shape, std::uint64_t bound) {
  return sonde::testing::integer_values(name, shape, bound);
}

// The logits that count: of the last position, if there are positions.
Var logits(const Module& module, Context& ctx, const Var& x) {
  const Var y = module(ctx, x);
  return y.rank() == 3 ? select(y, 1, y.size(1) - 1) : y;
}

void expect_both_ways(const std::string& name, Module& module, const Var& x,
                      std::uint64_t classes) {
  const std::string file = name + ".safetensors";
  const NamedTensors from =
      load_safetensors(sonde::testing::source_dir() + "/tests/parity/weights/" + file).tensors;
  load_state_dict(module, from);

  const Var y = integers(name + ".y", {3}, classes);
  optim::Sgd sgd(module, {.lr = 0.1});
  const LossAndGrads r = value_and_grad(
      module, [&](Context& ctx) { return make_vars(cross_entropy(logits(module, ctx, x), y)); });
  sgd.step(r.grads);
  module.commit(r.updates);

  const TempFolder own;
  const char* wanted = std::getenv("SONDE_WEIGHTS_OUT");
  const std::string path = wanted ? std::string(wanted) + "/" + file : own / file;
  save_safetensors(path, state_dict(module));
  const NamedTensors to = load_safetensors(path).tensors;
  ASSERT_EQ(to.size(), from.size());
  std::size_t changed = 0;
  for (const auto& [entry, tensor] : from) {
    ASSERT_TRUE(to.contains(entry)) << entry;
    EXPECT_EQ(to.at(entry).spec(), tensor.spec()) << entry;
    changed += tensor.to(DType::f64).to_vector<double>() !=
               to.at(entry).to(DType::f64).to_vector<double>();
  }
  EXPECT_GT(changed, from.size() / 2);
}

TEST(Weights, ResNet) {
  ResNet module(image, key, {.widths = {3, 4}, .blocks = {1, 2}});
  expect_both_ways("resnet", module, reals("resnet", {3, 2, 8, 8}), 3);
}

TEST(Weights, DenseNet) {
  DenseNet module(image, key,
                  {.growth_rate = 3, .blocks = {1, 2}, .init_features = 4, .bn_size = 2});
  expect_both_ways("densenet", module, reals("densenet", {3, 2, 8, 8}), 3);
}

TEST(Weights, ConvMixer) {
  ConvMixer module(image, key, {.dim = 4, .depth = 2});
  expect_both_ways("convmixer", module, reals("convmixer", {3, 2, 8, 8}), 3);
}

TEST(Weights, Vit) {
  Vit module(image, key,
             {.dim = 8,
              .depth = 2,
              .heads = 2,
              .head_dim = 3,
              .mlp_dim = 5,
              .embedding = PatchEmbedding::shifted,
              .pooling = Pooling::cls,
              .locality = true});
  expect_both_ways("vit", module, reals("vit", {3, 2, 8, 8}), 3);
}

TEST(Weights, LstmClassifier) {
  LstmClassifier module(image, key,
                        {.patch = {4, 2}, .hidden = 3, .layers = 2, .bidirectional = true});
  expect_both_ways("lstm", module, reals("lstm", {3, 2, 8, 8}), 3);
}

TEST(Weights, Gpt) {
  Gpt module(key, {.vocab = 7, .context = 5, .dim = 4, .depth = 2, .heads = 2});
  expect_both_ways("gpt", module, integers("gpt.x", {3, 5}, 7), 7);
}

TEST(Weights, Bert) {
  Bert module(key, {.vocab = 7,
                    .dim = 4,
                    .depth = 2,
                    .heads = 2,
                    .mlp_dim = 6,
                    .max_positions = 7,
                    .classes = 3,
                    .dropout = 0});
  expect_both_ways("bert", module, integers("bert.x", {3, 5}, 7), 3);
}

TEST(Weights, AdditionTransformer) {
  AdditionTransformer module(key, {.modulus = 6, .dim = 4, .heads = 2, .mlp_dim = 5});
  expect_both_ways("addition", module, integers("addition.x", {3, 3}, 7), 7);
}

TEST(Weights, Layers) {
  Sequential module(std::make_unique<Conv1d>(2, 4, 3, key, Conv1dOptions{.padding = 1}),
                    std::make_unique<BatchNorm1d>(4), std::make_unique<GroupNorm>(2, 4),
                    std::make_unique<Flatten>(), std::make_unique<Linear>(20, 3, key));
  expect_both_ways("layers", module, reals("layers", {3, 2, 5}), 3);
}

}  // namespace
}  // namespace sonde::nn
