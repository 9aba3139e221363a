/// @file
/// Every model of nn/models/ at a small size, with a batch.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

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
#include "tests/parity/values.hpp"

namespace sonde::nn {

struct ModelCase {
  std::string name;
  std::function<std::unique_ptr<Module>()> make;
  Var x;  ///< a batch
};

template <class M, class... Arguments>
std::function<std::unique_ptr<Module>()> model_maker(Arguments... arguments) {
  return [=] { return std::make_unique<M>(arguments...); };
}

inline std::vector<ModelCase> model_cases() {
  constexpr philox::Key key{1, 0};
  const ImageSpec image{.channels = 2, .height = 8, .width = 8, .classes = 3};
  const Var x = testing::uniform_values("x", {3, 2, 8, 8});
  const Var tokens = testing::integer_values("tokens", {3, 5}, 7);
  const VitOptions vit{.dim = 8, .depth = 2, .heads = 2, .head_dim = 3, .mlp_dim = 5};
  VitOptions relu2 = vit, locality = vit, simple = vit;
  relu2.score = AttentionScore::relu2_l1;
  locality.embedding = PatchEmbedding::shifted;
  locality.pooling = Pooling::cls;
  locality.locality = true;
  simple.embedding = PatchEmbedding::normed;
  simple.positions = Positions::sincos;
  simple.pooling = Pooling::cls;
  return {
      {"Mlp",
       model_maker<Mlp>(std::vector<std::int64_t>{128, 6, 3}, key,
                        MlpOptions{.activation = [](const Var& v) { return tanh(v); }}),
       x},
      {"Cnn", model_maker<Cnn>(image, key, CnnOptions{.width = 3, .hidden = 5}), x},
      {"CnnWithBatchNorm",
       model_maker<Cnn>(image, key, CnnOptions{.width = 3, .hidden = 5, .batch_norm = true}), x},
      {"ResNet", model_maker<ResNet>(image, key, ResNetOptions{.widths = {3, 4}, .blocks = {1, 2}}),
       x},
      {"DenseNet",
       model_maker<DenseNet>(
           image, key,
           DenseNetOptions{.growth_rate = 3, .blocks = {1, 2}, .init_features = 4, .bn_size = 2}),
       x},
      {"ConvMixer", model_maker<ConvMixer>(image, key, ConvMixerOptions{.dim = 4, .depth = 2}), x},
      {"Vit", model_maker<Vit>(image, key, vit), x},
      {"VitWithSquaredReluAttention", model_maker<Vit>(image, key, relu2), x},
      {"VitWithLocality", model_maker<Vit>(image, key, locality), x},
      {"SimpleVit", model_maker<Vit>(image, key, simple), x},
      {"LstmClassifier",
       model_maker<LstmClassifier>(
           image, key,
           LstmClassifierOptions{.patch = {4, 2}, .hidden = 3, .layers = 2, .bidirectional = true}),
       x},
      {"Gpt",
       model_maker<Gpt>(key,
                        GptOptions{.vocab = 7, .context = 5, .dim = 4, .depth = 2, .heads = 2}),
       tokens},
      {"Bert",
       model_maker<Bert>(key, BertOptions{.vocab = 7,
                                          .dim = 4,
                                          .depth = 2,
                                          .heads = 2,
                                          .mlp_dim = 6,
                                          .max_positions = 7,
                                          .dropout = 0.1}),
       tokens},
      {"AdditionTransformer",
       model_maker<AdditionTransformer>(
           key, AdditionOptions{.modulus = 6, .dim = 4, .heads = 2, .mlp_dim = 5}),
       slice(tokens, 1, 0, 3)},
  };
}

}  // namespace sonde::nn
