#include "experiments/vision/models.hpp"

#include <algorithm>

#include "autograd/ops.hpp"
#include "nn/mlp.hpp"
#include "nn/models/cnn.hpp"
#include "nn/models/convmixer.hpp"
#include "nn/models/densenet.hpp"
#include "nn/models/lstm_classifier.hpp"
#include "nn/models/resnet.hpp"
#include "nn/models/vit.hpp"

namespace sonde::experiments {
namespace {

// MLP2 of the authors' code: 784-512-128-10, no bias in the last layer; 468 864 parameters on 28 x
// 28 images.
std::unique_ptr<nn::Module> make_mlp(const ImageSpec& s, philox::Key key) {
  return std::make_unique<nn::Mlp>(
      std::vector<std::int64_t>{s.channels * s.height * s.width, 512, 128, s.classes}, key,
      nn::MlpOptions{.activation = [](const Var& x) { return leaky_relu(x, 0.01); },
                     .last_bias = false});
}

// ConvNeuralNet of the authors' code; 600 810 parameters on 28 x 28 images.
std::unique_ptr<nn::Module> make_cnn(const ImageSpec& s, philox::Key key) {
  return std::make_unique<nn::Cnn>(s, key);
}

// Blocks of transformers and mixers: three for grey images, four for those in colour.
std::int64_t depth(const ImageSpec& s) {
  return s.channels == 1 ? 3 : 4;
}

std::unique_ptr<nn::Module> vit(const ImageSpec& s, philox::Key key, const nn::VitOptions& o) {
  return std::make_unique<nn::Vit>(s, key, o);
}

// ViT-tiny: patches of 4, 64 features, 4 heads of 16, mean of the tokens; 104 842 parameters on 28
// x 28 images.
template <nn::AttentionScore score>
std::unique_ptr<nn::Module> make_vit(const ImageSpec& s, philox::Key key) {
  return vit(s, key, {.depth = depth(s), .score = score});
}

// Shifted patches and locality attention with a class token, at the size of ViT-tiny.
const nn::VitOptions small_vit{
    .embedding = nn::PatchEmbedding::shifted, .pooling = nn::Pooling::cls, .locality = true};
std::unique_ptr<nn::Module> make_vit_small(const ImageSpec& s, philox::Key key) {
  nn::VitOptions o = small_vit;
  o.depth = depth(s);
  return vit(s, key, o);
}

// SimpleViT: norms around the embedding, sines and cosines for positions, no dropout.
const nn::VitOptions simple_vit{
    .embedding = nn::PatchEmbedding::normed, .positions = nn::Positions::sincos, .out_bias = false};
std::unique_ptr<nn::Module> make_vit_simple(const ImageSpec& s, philox::Key key) {
  nn::VitOptions o = simple_vit;
  o.depth = depth(s);
  return vit(s, key, o);
}

// Both at the size of the authors' code: 8 blocks of 32 heads of 64.
nn::VitOptions at_full_size(nn::VitOptions o) {
  o.depth = 8;
  o.heads = 32;
  o.head_dim = 64;
  o.mlp_dim = 512;
  return o;
}
std::unique_ptr<nn::Module> make_vit_small_full(const ImageSpec& s, philox::Key key) {
  nn::VitOptions o = at_full_size(small_vit);
  o.dropout = 0.1;
  return vit(s, key, o);
}
std::unique_ptr<nn::Module> make_vit_simple_full(const ImageSpec& s, philox::Key key) {
  return vit(s, key, at_full_size(simple_vit));
}

// 64 features; 17 034 parameters on 28 x 28 images.
std::unique_ptr<nn::Module> make_convmixer(const ImageSpec& s, philox::Key key) {
  return std::make_unique<nn::ConvMixer>(s, key, nn::ConvMixerOptions{.depth = depth(s)});
}

std::unique_ptr<nn::Module> make_resnet8(const ImageSpec& s, philox::Key key) {
  return std::make_unique<nn::ResNet>(
      s, key, nn::ResNetOptions{.widths = {16, 32, 64}, .blocks = {1, 1, 1}});
}

std::unique_ptr<nn::Module> make_resnet18(const ImageSpec& s, philox::Key key) {
  return std::make_unique<nn::ResNet>(s, key);
}

std::unique_ptr<nn::Module> make_densenet(const ImageSpec& s, philox::Key key) {
  return std::make_unique<nn::DenseNet>(s, key);
}

// The patches of 4 that the transformers see, one after the other.
std::unique_ptr<nn::Module> make_lstm(const ImageSpec& s, philox::Key key) {
  return std::make_unique<nn::LstmClassifier>(s, key, nn::LstmClassifierOptions{.patch = {4, 4}});
}

constexpr ImageModel models[] = {
    {"vit", "ViT-tiny, softmax attention", make_vit<nn::AttentionScore::softmax>},
    {"vit-relu2", "ViT-tiny, squared ReLU attention", make_vit<nn::AttentionScore::relu2_l1>},
    {"vit-simple", "SimpleViT at ViT-tiny's size", make_vit_simple},
    {"vit-small", "ViT for small data at ViT-tiny's size", make_vit_small},
    {"mlp", "MLP 512-128, leaky ReLU", make_mlp},
    {"cnn", "CNN, two convolutions of 32 channels", make_cnn},
    {"convmixer", "ConvMixer of 64 features", make_convmixer},
    {"resnet8", "ResNet 16-32-64", make_resnet8},
    {"lstm", "LSTM of 128 over patches of 4", make_lstm},
    {"resnet18", "ResNet-18", make_resnet18},
    {"densenet", "DenseNet-121", make_densenet},
    {"vit-small-64x8", "ViT for small data, 64 features, 8 blocks", make_vit_small_full},
    {"vit-simple-64x8", "SimpleViT, 64 features, 8 blocks", make_vit_simple_full},
};

}  // namespace

std::span<const ImageModel> image_models() {
  return models;
}

std::vector<std::string> image_model_names() {
  std::vector<std::string> names;
  for (const ImageModel& m : models) names.emplace_back(m.name);
  return names;
}

const ImageModel& image_model(std::string_view name) {
  const auto found = std::ranges::find(models, name, &ImageModel::name);
  if (found == std::end(models)) fail(ErrorCode::usage, "models", "no model is called '{}'", name);
  return *found;
}

}  // namespace sonde::experiments
