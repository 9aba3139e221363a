// Twenty steps of training of every model at the size its study or benchmark names, against
// PyTorch: the loss before each step, and the norms of all parameters and buffers at the end.
#include <gtest/gtest.h>

#include <algorithm>

#include "autograd/ops.hpp"
#include "nn/mlp.hpp"
#include "nn/models/addition.hpp"
#include "nn/models/bert.hpp"
#include "nn/models/cnn.hpp"
#include "nn/models/convmixer.hpp"
#include "nn/models/densenet.hpp"
#include "nn/models/gpt.hpp"
#include "nn/models/lstm_classifier.hpp"
#include "nn/models/resnet.hpp"
#include "nn/models/vit.hpp"
#include "optim/adam.hpp"
#include "optim/sgd.hpp"
#include "tests/parity/formula.hpp"

namespace sonde {
namespace {

using nn::ImageSpec;
using testing::integer_values;
using testing::uniform_values;

constexpr philox::Key key{1, 0};
constexpr ImageSpec small{.channels = 1, .height = 28, .width = 28}, colour{};

struct Batch {
  Var x, y;
};
using Batches = std::function<Batch(const std::string& name)>;
using Optimise = std::function<void(const Vars& grads)>;

Batches images(const ImageSpec& spec, std::int64_t batch) {
  return [=](const std::string& name) {
    return Batch{uniform_values(name + ".x", {batch, spec.channels, spec.height, spec.width}),
                 integer_values(name + ".y", {batch}, 10)};
  };
}

// Sequences and the token after each.
Batch text(const std::string& name) {
  const Var ids = integer_values(name + ".x", {2, 129}, 256);
  return {slice(ids, 1, 0, 128), slice(ids, 1, 1, 129)};
}

// Sentences of 64, 55, 46 and 37 tokens, then padding.
Batch sentences(const std::string& name) {
  const Var ids = add(integer_values(name + ".x", {4, 64}, 998), 2);
  const Var lengths = Tensor::arange(4, DType::i64, 64, -9);
  return {where(lt(Tensor::arange(64), unsqueeze(lengths, 1)), ids, 1),
          integer_values(name + ".y", {4}, 2)};
}

// [a, b, =] and a + b modulo 113.
Batch sums(const std::string& name) {
  const Var ab = integer_values(name + ".x", {64, 2}, 113);
  const Var equals = Tensor::full({64, 1}, 113, DType::i64);
  return {concat({ab, equals}, 1), remainder(sum(ab, {1}), 113)};
}

Optimise adamw(nn::Module& module, double lr, double weight_decay) {
  auto optimizer = std::make_shared<optim::AdamW>(
      module, optim::AdamW::Options{.lr = lr, .weight_decay = weight_decay});
  return [=](const Vars& grads) { optimizer->step(grads); };
}

Optimise adam(nn::Module& module) {
  auto optimizer = std::make_shared<optim::Adam>(module);
  return [=](const Vars& grads) { optimizer->step(grads); };
}

// Logits [..., classes] and targets [...] of all positions.
Var loss(const Var& logits, const Var& y) {
  return cross_entropy(reshape(logits, {-1, logits.size(-1)}), reshape(y, {-1}));
}

Tensor norms(const nn::Module& module) {
  std::vector<nn::NamedEntry> entries;
  for (const auto& all : {module.named_parameters(), module.named_buffers()})
    for (const nn::NamedEntry& e : all)
      if (is_differentiable(e.handle->value.dtype())) entries.push_back(e);
  std::ranges::sort(entries, {}, &nn::NamedEntry::path);
  std::vector<double> out;
  for (const nn::NamedEntry& e : entries) out.push_back(norm(Var(e.handle->value)).item());
  return Tensor::from<double>(out, {static_cast<std::int64_t>(out.size())});
}

// Expects what tests/parity/models.py stored for the model of this name.
void expect_trajectory(const std::string& name, nn::Module& module, const Batches& batches,
                       const std::function<Optimise(nn::Module&)>& optimiser = adam) {
  static const testing::Fixture fixture("models");
  testing::fill(module);
  const Optimise optimise = optimiser(module);
  const std::int64_t steps = fixture[name + ".losses"].numel();
  ASSERT_EQ(steps, 20);
  std::vector<double> losses;
  for (std::int64_t step = 0; step < steps; ++step) {
    const Batch batch = batches(fmt::format("{}.{}", name, step));
    const nn::LossAndGrads r = nn::value_and_grad(
        module, [&](nn::Context& ctx) { return make_vars(loss(module(ctx, batch.x), batch.y)); });
    losses.push_back(r.value.item());
    optimise(r.grads);
    module.commit(r.updates);
  }
  fixture.expect_near(name + ".losses", Tensor::from<double>(losses, {steps}), 1e-7);
  fixture.expect_near(name + ".norms", norms(module), 1e-7);
}

TEST(ParityModels, Mlp) {
  nn::Mlp module({784, 512, 128, 10}, key,
                 {.activation = [](const Var& x) { return leaky_relu(x); }, .last_bias = false});
  expect_trajectory("mlp", module, images(small, 8));
}

TEST(ParityModels, Cnn) {
  nn::Cnn module(small, key);
  expect_trajectory("cnn", module, images(small, 4));
}

TEST(ParityModels, CnnWithBatchNorm) {
  nn::Cnn module(small, key, {.width = 16, .batch_norm = true});
  expect_trajectory("cnn_bn", module, images(small, 4));
}

TEST(ParityModels, ResNet18) {
  nn::ResNet module(colour, key);
  expect_trajectory("resnet18", module, images(colour, 2), [](nn::Module& m) -> Optimise {
    auto sgd = std::make_shared<optim::Sgd>(m, optim::SgdOptions{.lr = 0.01, .momentum = 0.9});
    return [=](const Vars& grads) { sgd->step(grads); };
  });
}

TEST(ParityModels, ResNet8) {
  nn::ResNet module(colour, key, {.widths = {16, 32, 64}, .blocks = {1, 1, 1}});
  expect_trajectory("resnet8", module, images(colour, 4));
}

TEST(ParityModels, DenseNet) {
  nn::DenseNet module(colour, key, {.growth_rate = 8, .blocks = {2, 2}, .init_features = 16});
  expect_trajectory("densenet", module, images(colour, 4));
}

TEST(ParityModels, ConvMixer) {
  nn::ConvMixer module(colour, key);
  expect_trajectory("convmixer", module, images(colour, 4));
}

TEST(ParityModels, Vit) {
  nn::Vit module(small, key);
  expect_trajectory("vit", module, images(small, 4));
}

TEST(ParityModels, VitWithSquaredReluAttention) {
  nn::Vit module(small, key, {.score = nn::AttentionScore::relu2_l1});
  expect_trajectory("vit_relu2", module, images(small, 4));
}

TEST(ParityModels, VitForSmallDataSets) {
  nn::Vit module(colour, key,
                 {.depth = 4,
                  .embedding = nn::PatchEmbedding::shifted,
                  .pooling = nn::Pooling::cls,
                  .locality = true});
  expect_trajectory("vit_small", module, images(colour, 4));
}

TEST(ParityModels, SimpleVit) {
  nn::Vit module(colour, key,
                 {.depth = 4,
                  .embedding = nn::PatchEmbedding::normed,
                  .positions = nn::Positions::sincos,
                  .out_bias = false});
  expect_trajectory("vit_simple", module, images(colour, 4));
}

TEST(ParityModels, LstmClassifierOfRows) {
  nn::LstmClassifier module(small, key);
  expect_trajectory("lstm", module, images(small, 8));
}

TEST(ParityModels, LstmClassifierOfPatches) {
  nn::LstmClassifier module(small, key,
                            {.patch = {4, 4}, .hidden = 32, .layers = 2, .bidirectional = true});
  expect_trajectory("lstm_patches", module, images(small, 4));
}

TEST(ParityModels, Gpt) {
  nn::Gpt module(key);
  expect_trajectory("gpt", module, text, [](nn::Module& m) { return adamw(m, 1e-3, 0.1); });
}

TEST(ParityModels, GptWithAHeadOfItsOwn) {
  nn::Gpt module(key, {.dim = 64, .depth = 2, .tied = false});
  expect_trajectory("gpt_untied", module, text);
}

TEST(ParityModels, Bert) {
  nn::Bert module(
      key,
      {.vocab = 1000, .dim = 64, .heads = 4, .mlp_dim = 256, .max_positions = 66, .dropout = 0});
  expect_trajectory("bert", module, sentences, [](nn::Module& m) { return adamw(m, 3e-4, 0.01); });
}

TEST(ParityModels, AdditionTransformer) {
  nn::AdditionTransformer module(key);
  expect_trajectory("addition", module, sums, [](nn::Module& m) { return adamw(m, 1e-3, 1); });
}

}  // namespace
}  // namespace sonde
