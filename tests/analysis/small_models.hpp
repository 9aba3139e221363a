/// @file
/// Small classifiers in f64, an MLP, a CNN, a ViT and an LSTM, with weights and data by the formula
/// of tests/parity/; tests/parity/curvature.py has the same.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "analysis/point.hpp"
#include "autograd/ops.hpp"
#include "nn/mlp.hpp"
#include "nn/models/cnn.hpp"
#include "nn/models/lstm_classifier.hpp"
#include "nn/models/resnet.hpp"
#include "nn/models/vit.hpp"
#include "tests/parity/values.hpp"

namespace sonde::testing {

/// A model, inputs [samples, 1, side, side] and classes.
struct SmallModel {
  std::string name;
  std::shared_ptr<nn::Module> module{};
  Var x{}, y{};

  /// Cross-entropy, mean over the samples.
  Function loss(const ParameterPoint& at) const {
    return at.function([*this](nn::Context& ctx) { return cross_entropy((*module)(ctx, x), y); });
  }
};

constexpr std::int64_t small_samples = 5, small_classes = 4;
inline const nn::ImageSpec small_images{
    .channels = 1, .height = 8, .width = 8, .classes = small_classes};

/// "mlp" (290 parameters), "cnn" (360), "vit" (760), "lstm" (676).
inline SmallModel small_model(const std::string& name) {
  const nn::ImageSpec& spec = small_images;
  constexpr philox::Key key{1, 0};
  SmallModel m{.name = name};
  std::int64_t side = 8;
  if (name == "mlp") {
    side = 4;
    m.module = std::make_shared<nn::Mlp>(
        std::vector<std::int64_t>{16, 10, 8, small_classes}, key,
        nn::MlpOptions{.activation = [](const Var& h) { return tanh(h); }});
  } else if (name == "cnn") {
    m.module = std::make_shared<nn::Cnn>(spec, key, nn::CnnOptions{.width = 4, .hidden = 8});
  } else if (name == "vit") {
    m.module = std::make_shared<nn::Vit>(
        spec, key, nn::VitOptions{.dim = 8, .depth = 1, .heads = 2, .head_dim = 4, .mlp_dim = 16});
  } else {
    m.module = std::make_shared<nn::LstmClassifier>(
        spec, key, nn::LstmClassifierOptions{.patch = {1, 8}, .hidden = 8});
  }
  fill(*m.module);
  m.x = uniform_values(name + ".x", {small_samples, 1, side, side});
  m.y = integer_values(name + ".y", {small_samples}, small_classes);
  return m;
}

/// The same kinds with 2034, 2029, 2612 and 1732 parameters: "mlp", "resnet", "vit", "lstm".
inline SmallModel larger_model(const std::string& name) {
  const nn::ImageSpec& spec = small_images;
  constexpr philox::Key key{1, 0};
  SmallModel m{.name = "larger_" + name};
  if (name == "mlp")
    m.module = std::make_shared<nn::Mlp>(
        std::vector<std::int64_t>{64, 25, 15, small_classes}, key,
        nn::MlpOptions{.activation = [](const Var& h) { return tanh(h); }});
  else if (name == "resnet")
    m.module = std::make_shared<nn::ResNet>(spec, key,
                                            nn::ResNetOptions{.widths = {5, 10}, .blocks = {1, 1}});
  else if (name == "vit")
    m.module = std::make_shared<nn::Vit>(
        spec, key, nn::VitOptions{.dim = 16, .depth = 1, .heads = 2, .head_dim = 8, .mlp_dim = 32});
  else
    m.module = std::make_shared<nn::LstmClassifier>(
        spec, key, nn::LstmClassifierOptions{.patch = {1, 8}, .hidden = 16});
  fill(*m.module);
  m.x = uniform_values(m.name + ".x", {small_samples, 1, 8, 8});
  m.y = integer_values(m.name + ".y", {small_samples}, small_classes);
  return m;
}

inline std::vector<SmallModel> small_models() {
  return {small_model("mlp"), small_model("cnn"), small_model("vit"), small_model("lstm")};
}

}  // namespace sonde::testing
