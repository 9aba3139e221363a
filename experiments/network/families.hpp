/// @file
/// One row for each kind of network that has a name.
#pragma once

#include <span>
#include <string_view>
#include <utility>

#include "experiments/network/architecture.hpp"

namespace sonde::experiments {

/// What a network is made from.
struct NetworkPlan {
  const nn::ImageSpec& spec;
  const NetworkSize& size;
  const WeightShapes& weights;
  philox::Key key;
};

struct NetworkFamily {
  std::string_view name, description;
  std::string_view marker;  ///< a tensor that each of them has
  /// The weight of the last layer, whose rows are the classes.
  std::string (*head)(const WeightShapes& weights);
  std::unique_ptr<nn::Module> (*make)(const NetworkPlan& plan);
  /// Beginnings of names in files of other libraries, and ours.
  std::vector<std::pair<std::string_view, std::string_view>> also_called{};
};

std::span<const NetworkFamily> network_families();
/// Error(usage) if there is none of that name.
const NetworkFamily& network_family(std::string_view name);

}  // namespace sonde::experiments
