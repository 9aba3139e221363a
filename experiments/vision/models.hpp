/// @file
/// The networks of the experiments on images: one row each.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/data/images.hpp"
#include "nn/models/image.hpp"
#include "nn/module.hpp"

namespace sonde::experiments {

using nn::ImageSpec;

/// What a model of these images is made for.
inline ImageSpec spec_of(const ImageSet& set) {
  return {set.images.size(1), set.images.size(2), set.images.size(3), set.classes};
}

struct ImageModel {
  std::string_view name, description;
  std::unique_ptr<nn::Module> (*make)(const ImageSpec& spec, philox::Key key);
};

/// All models, in the order in which tables show them.
std::span<const ImageModel> image_models();
std::vector<std::string> image_model_names();
/// Error(usage) if there is none of that name.
const ImageModel& image_model(std::string_view name);

}  // namespace sonde::experiments
