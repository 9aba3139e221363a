/// @file
/// Small classifiers of the images of study_data.hpp: without state, with dropout, and with
/// buffers.
#pragma once

#include <memory>
#include <string>

#include "autograd/ops.hpp"
#include "nn/activation.hpp"
#include "nn/batch_norm.hpp"
#include "nn/conv.hpp"
#include "nn/dropout.hpp"
#include "nn/linear.hpp"
#include "nn/mlp.hpp"
#include "nn/models/vit.hpp"
#include "nn/sequential.hpp"

namespace sonde::experiments {

inline constexpr const char* small_models[] = {"mlp", "vit", "batch_norm_cnn"};

/// The model of this name for 8 x 8 images of four kinds.
inline std::unique_ptr<nn::Module> small_model(const std::string& name, philox::Key key) {
  constexpr std::int64_t side = 8, classes = 4;
  if (name == "mlp")
    return std::make_unique<nn::Mlp>(
        std::vector<std::int64_t>{side * side, 32, classes}, key,
        nn::MlpOptions{.activation = [](const Var& x) { return relu(x); }});
  if (name == "vit")
    return std::make_unique<nn::Vit>(
        nn::ImageSpec{1, side, side, classes}, key,
        nn::VitOptions{
            .dim = 16, .depth = 2, .heads = 2, .head_dim = 8, .mlp_dim = 32, .dropout = 0.1});
  return std::make_unique<nn::Sequential>(
      std::make_unique<nn::Conv2d>(1, 8, Size2{3, 3}, key, nn::Conv2dOptions{.padding = {1, 1}}),
      std::make_unique<nn::BatchNorm2d>(8), std::make_unique<nn::Relu>(),
      std::make_unique<nn::Flatten>(), std::make_unique<nn::Dropout>(0.2),
      std::make_unique<nn::Linear>(8 * side * side, classes, philox::child(key, 1)));
}

}  // namespace sonde::experiments
