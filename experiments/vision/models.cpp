#include "experiments/vision/models.hpp"

#include <algorithm>

#include "autograd/ops.hpp"
#include "nn/mlp.hpp"
#include "nn/models/cnn.hpp"
#include "nn/models/convmixer.hpp"
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

// ViT-tiny: patches of 4, 64 features, 3 blocks of 4 heads, mean of the tokens; 104 842 parameters
// on 28 x 28 images.
template <nn::AttentionScore score>
std::unique_ptr<nn::Module> make_vit(const ImageSpec& s, philox::Key key) {
  return std::make_unique<nn::Vit>(s, key, nn::VitOptions{.score = score});
}

// 64 features, 3 blocks; 17 034 parameters on 28 x 28 images.
std::unique_ptr<nn::Module> make_convmixer(const ImageSpec& s, philox::Key key) {
  return std::make_unique<nn::ConvMixer>(s, key, nn::ConvMixerOptions{.depth = 3});
}

constexpr ImageModel models[] = {
    {"vit", "ViT-tiny, softmax attention", make_vit<nn::AttentionScore::softmax>},
    {"vit-relu2", "ViT-tiny, squared ReLU attention", make_vit<nn::AttentionScore::relu2_l1>},
    {"cnn", "CNN, two convolutions of 32 channels", make_cnn},
    {"mlp", "MLP 512-128, leaky ReLU", make_mlp},
    {"convmixer", "ConvMixer 64, depth 3", make_convmixer},
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
