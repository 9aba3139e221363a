// The models: sizes that papers state, names, second derivatives, per-sample gradients, errors.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

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
#include "nn/state_dict.hpp"
#include "tests/nn/expect_code.hpp"
#include "tests/nn/model_cases.hpp"
#include "tests/nn/second_order.hpp"

namespace sonde::nn {
namespace {

using sonde::testing::expect_code;
using sonde::testing::integer_values;
using sonde::testing::uniform_values;

constexpr philox::Key key{1, 0};
constexpr ImageSpec small{.channels = 1, .height = 28, .width = 28}, colour{};

// --- numbers of parameters, as sensitivity papers and the models' own state them

TEST(Models, HaveAsManyParametersAsPublished) {
  EXPECT_EQ(Mlp({784, 512, 128, 10}, key,
                {.activation = [](const Var& x) { return leaky_relu(x); }, .last_bias = false})
                .parameter_count(),
            468'864);
  EXPECT_EQ(Cnn(small, key).parameter_count(), 600'810);
  EXPECT_EQ(ResNet(colour, key).parameter_count(), 11'173'962);
  EXPECT_EQ(DenseNet(colour, key).parameter_count(), 6'956'426);
  EXPECT_EQ(ConvMixer(colour, key).parameter_count(), 44'362);
  EXPECT_EQ(ConvMixer(colour, key, {.dim = 256}).parameter_count(), 570'634);
  EXPECT_EQ(ConvMixer(small, key, {.depth = 3}).parameter_count(), 17'034);
}

TEST(Models, VitsHaveAsManyParametersAsPublished) {
  EXPECT_EQ(Vit(small, key).parameter_count(), 104'842);
  VitOptions for_small_data{.depth = 8,
                            .heads = 32,
                            .head_dim = 64,
                            .mlp_dim = 512,
                            .embedding = PatchEmbedding::shifted,
                            .pooling = Pooling::cls,
                            .locality = true};
  EXPECT_EQ(Vit(colour, key, for_small_data).parameter_count(), 4'746'674);
  for_small_data.heads = 8;
  EXPECT_EQ(Vit(colour, key, for_small_data).parameter_count(), 1'600'946);
  EXPECT_EQ(Vit(colour, key,
                {.depth = 8,
                 .heads = 32,
                 .head_dim = 64,
                 .mlp_dim = 512,
                 .embedding = PatchEmbedding::normed,
                 .positions = Positions::sincos,
                 .out_bias = false})
                .parameter_count(),
            4'729'386);
}

TEST(Models, TransformersOfTextHaveAsManyParametersAsPublished) {
  EXPECT_EQ(Bert(key).parameter_count(), 20'428'034);
  EXPECT_EQ(AdditionTransformer(key).parameter_count(), 227'442);
  // GPT-2's smallest model has 124 439 808: (50 257 + 1024) * 768 of embeddings, 2 * 768 of the
  // last norm, and this for each of its 12 layers
  auto count = [](std::int64_t depth) {
    return Gpt(key, {.vocab = 1, .context = 1, .dim = 768, .depth = depth, .heads = 12})
        .parameter_count();
  };
  EXPECT_EQ(count(2) - count(1), 7'087'872);
}

// --- names

std::vector<std::string> names_of(const Module& module) {
  std::vector<std::string> out;
  for (const NamedEntry& e : module.named_entries()) out.push_back(e.path);
  return out;
}
void expect_names(const Module& module, std::initializer_list<std::string_view> expected) {
  const auto names = names_of(module);
  for (const std::string_view name : expected)
    EXPECT_TRUE(std::ranges::find(names, name) != names.end()) << name;
}

TEST(Models, ParametersHaveTheUsualNames) {
  expect_names(Cnn(small, key, {.batch_norm = true}),
               {"conv_layer1.weight", "bn2.running_var", "fc2.bias"});
  expect_names(ResNet(colour, key),
               {"conv1.weight", "bn1.num_batches_tracked", "layer1.0.conv1.weight",
                "layer2.0.shortcut.0.weight", "layer4.1.bn2.running_mean", "linear.bias"});
  expect_names(DenseNet(colour, key, {.blocks = {1, 2}}),
               {"features.conv0.weight", "features.norm0.running_var",
                "features.denseblock1.denselayer1.norm1.weight",
                "features.denseblock2.denselayer2.conv2.weight", "features.transition1.conv.weight",
                "features.norm5.bias", "classifier.bias"});
  expect_names(ConvMixer(colour, key), {"0.bias", "2.running_mean", "3.0.fn.0.weight",
                                        "10.0.fn.2.bias", "10.1.weight", "10.3.weight", "13.bias"});
  expect_names(
      Vit(colour, key, {.pooling = Pooling::cls, .locality = true}),
      {"cls_token", "pos_embed", "patch_embed.proj.weight", "encoder.layers.0.norm1.weight",
       "encoder.layers.1.self_attn.in_proj_weight", "encoder.layers.1.self_attn.temperature",
       "encoder.layers.2.self_attn.out_proj.bias", "encoder.layers.2.linear1.weight",
       "encoder.norm.bias", "head.weight"});
  expect_names(LstmClassifier(small, key, {.layers = 2, .bidirectional = true}),
               {"lstm.weight_ih_l0", "lstm.bias_hh_l1_reverse", "fc.weight"});
  expect_names(Gpt(key, {.depth = 1}),
               {"wte.weight", "wpe.weight", "encoder.layers.0.self_attn.in_proj_weight",
                "encoder.norm.weight", "lm_head.weight"});
  expect_names(Bert(key, {.vocab = 10, .depth = 1}),
               {"embeddings.word_embeddings.weight", "embeddings.position_embeddings.weight",
                "embeddings.token_type_embeddings.weight", "embeddings.LayerNorm.weight",
                "encoder.layers.0.linear2.bias", "pooler.weight", "classifier.bias"});
  expect_names(AdditionTransformer(key), {"pos_embed", "embedding.weight", "attn.in_proj_weight",
                                          "attn.out_proj.bias", "fc1.weight", "head.bias"});
}

// --- parts

TEST(Models, PatchesKeepAPixelsChannelsTogether) {
  // pixel (y, x) of channel c has the value 100 c + 10 y + x
  const Var image =
      reshape(Tensor::from<float>(
                  {0, 1, 2, 3, 10, 11, 12, 13, 100, 101, 102, 103, 110, 111, 112, 113}, {16}),
              {1, 2, 2, 4});
  const Tensor cut = patches(image, {2, 2}).tensor();
  EXPECT_EQ(cut.shape(), (Dims{1, 2, 8}));
  EXPECT_EQ(cut.to_vector<float>(), (std::vector<float>{0, 100, 1, 101, 10, 110, 11, 111,  //
                                                        2, 102, 3, 103, 12, 112, 13, 113}));
  expect_code(ErrorCode::shape, [&] { patches(image, {2, 3}); });
}

TEST(Models, SinesAndCosinesOfPositions) {
  const Tensor p = sincos_positions(2, 3, 8);
  ASSERT_EQ(p.shape(), (Dims{6, 8}));
  const auto row = p.slice(0, 5, 6).to_vector<double>();  // y = 1, x = 2; frequencies 1 and 1e-4
  const double expected[] = {std::sin(2.0), std::sin(2e-4), std::cos(2.0), std::cos(2e-4),
                             std::sin(1.0), std::sin(1e-4), std::cos(1.0), std::cos(1e-4)};
  for (std::size_t i = 0; i < 8; ++i) EXPECT_NEAR(row[i], expected[i], 1e-15);
  expect_code(ErrorCode::value, [] { sincos_positions(2, 2, 10); });
}

TEST(Models, DropoutIsForTrainingAlone) {
  const Vit module(small, key, {.dim = 8, .depth = 1, .heads = 2, .head_dim = 4, .dropout = 0.5});
  const Var x = uniform_values("x", {2, 1, 28, 28}).to(DType::f32);
  auto run = [&](CallOptions options) {
    return functional_call(module, module.parameters(), x, options).tensor().to_vector<float>();
  };
  const CallOptions one{.mode = Mode::train, .key = random_key(1)};
  EXPECT_EQ(run({}), run({}));
  EXPECT_EQ(run(one), run(one));
  EXPECT_NE(run(one), run({}));
  EXPECT_NE(run(one), run({.mode = Mode::train, .key = random_key(2)}));
}

TEST(Models, ImpossibleSizesAreErrors) {
  expect_code(ErrorCode::value, [] { Cnn({.channels = 1, .height = 5, .width = 9}, key); });
  expect_code(ErrorCode::value, [] { ResNet(colour, key, {.widths = {8}, .blocks = {1, 1}}); });
  expect_code(ErrorCode::value, [] { ResNet(colour, key, {.widths = {}, .blocks = {}}); });
  expect_code(ErrorCode::value, [] { DenseNet(colour, key, {.blocks = {}}); });
  expect_code(ErrorCode::value, [] { Vit(small, key, {.patch_size = 5}); });
  expect_code(ErrorCode::shape, [] { Vit(small, key)(Tensor::zeros({2, 3, 28, 28})); });
  const Var long_text = Tensor::zeros({1, 9}, DType::i64);
  expect_code(ErrorCode::shape, [&] { Gpt(key, {.context = 8, .depth = 1})(long_text); });
  expect_code(ErrorCode::shape,
              [&] { Bert(key, {.vocab = 9, .depth = 1, .max_positions = 10})(long_text); });
  expect_code(ErrorCode::shape, [&] { AdditionTransformer{key}(long_text); });
  expect_code(ErrorCode::shape, [] { LstmClassifier(colour, key)(Tensor::zeros({1, 3, 32, 32})); });
}

TEST(Models, ATiedHeadIsTheTokensEmbedding) {
  const Gpt tied(key, {.vocab = 7, .context = 4, .dim = 8, .depth = 1, .heads = 2});
  const Gpt own(key, {.vocab = 7, .context = 4, .dim = 8, .depth = 1, .heads = 2, .tied = false});
  EXPECT_EQ(own.parameter_count() - tied.parameter_count(), 7 * 8);
  EXPECT_EQ(own.named_parameters().size(), tied.named_parameters().size() + 1);
  const NamedTensors state = state_dict(tied);
  EXPECT_EQ(state.at("lm_head.weight").to_vector<float>(),
            state.at("wte.weight").to_vector<float>());
}

TEST(Models, GptDoesNotLookAhead) {
  const Gpt module(key, {.vocab = 7, .context = 4, .dim = 8, .depth = 2, .heads = 2});
  auto logits = [&](std::initializer_list<std::int64_t> tokens) {
    return module(Var(Tensor::from<std::int64_t>(tokens, {1, 4}))).tensor().select(0, 0);
  };
  const Tensor a = logits({1, 2, 3, 4}), b = logits({1, 2, 3, 5});
  EXPECT_EQ(a.slice(0, 0, 3).to_vector<float>(), b.slice(0, 0, 3).to_vector<float>());
  EXPECT_NE(a.slice(0, 3, 4).to_vector<float>(), b.slice(0, 3, 4).to_vector<float>());
}

TEST(Models, BertDoesNotSeePadding) {
  for (const TextPooling pooling : {TextPooling::first, TextPooling::mean}) {
    Bert module(key, {.vocab = 9,
                      .dim = 8,
                      .depth = 2,
                      .heads = 2,
                      .mlp_dim = 8,
                      .token_types = 2,
                      .pooling = pooling});
    module.convert(DType::f64);
    auto logits = [&](const std::vector<std::int64_t>& tokens) {
      const Dims shape{1, static_cast<std::int64_t>(tokens.size())};
      return module(Var(Tensor::from<std::int64_t>(tokens, shape))).tensor().to_vector<double>();
    };
    const auto alone = logits({2, 5, 7}), padded = logits({2, 5, 7, 1, 1});
    for (std::size_t i = 0; i < 2; ++i) EXPECT_NEAR(alone[i], padded[i], 1e-14);
    EXPECT_NE(alone, logits({2, 5, 7, 6}));
    const Var tokens = Tensor::from<std::int64_t>({2, 5, 7}, {1, 3});
    Context ctx(module, module.parameters());
    EXPECT_EQ(alone, module.classify(ctx, tokens, {}).tensor().to_vector<double>());
    const Var types = Tensor::from<std::int64_t>({0, 1, 1}, {1, 3});
    EXPECT_NE(alone, module.classify(ctx, tokens, types).tensor().to_vector<double>());
  }
}

// --- second derivatives and per-sample gradients, at small sizes

class ModelDerivatives : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    case_ = model_cases()[static_cast<std::size_t>(GetParam())];
    module_ = case_.make();
    sonde::testing::fill(*module_);
  }
  ModelCase case_;
  std::unique_ptr<Module> module_;
};

TEST_P(ModelDerivatives, HvpModesAgreeInTraining) {
  const CallOptions training{.mode = Mode::train, .key = random_key(1)};
  sonde::testing::expect_hvp_modes_agree(
      {*module_, [&](Context& ctx, const Vars& in) { return (*module_)(ctx, in[0]); }, training},
      make_vars(case_.x));
}

TEST_P(ModelDerivatives, PerSampleGradientsEqualTheLoop) {
  sonde::testing::expect_per_sample_gradients(
      {*module_,
       [&](Context& ctx, const Vars& in) { return (*module_)(ctx, unsqueeze(in[0], 0)); }},
      make_vars(case_.x));
}

INSTANTIATE_TEST_SUITE_P(All, ModelDerivatives,
                         ::testing::Range(0, static_cast<int>(model_cases().size())),
                         [](const auto& info) {
                           return model_cases()[static_cast<std::size_t>(info.param)].name;
                         });

}  // namespace
}  // namespace sonde::nn
