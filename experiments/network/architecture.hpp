/// @file
/// The library's networks in any size, and what the shapes of a file of weights say about it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nn/models/image.hpp"
#include "nn/module.hpp"
#include "tensor/io_npz.hpp"

namespace sonde::experiments {

/// What a person may say about a network's size beside its name. 0: what the weights say, or the
/// size it has by default.
struct NetworkSize {
  std::int64_t width = 0;                 ///< features, channels or hidden units
  std::int64_t depth = 0;                 ///< blocks or hidden layers
  std::int64_t heads = 0;                 ///< of attention; the one size that weights do not tell
  std::string activation = "leaky-relu";  ///< between the layers of an MLP
};

/// The shapes of a file's tensors.
class WeightShapes {
 public:
  /// No file: nothing is known.
  WeightShapes() = default;
  explicit WeightShapes(const NamedTensors& tensors);

  bool empty() const { return shapes_.empty(); }
  bool has(const std::string& name) const { return shapes_.contains(name); }
  /// Size of an axis of a tensor; nothing if there is no such tensor or axis.
  std::optional<std::int64_t> size(const std::string& name, int axis) const;
  /// How many of start + "0" + end, start + "1" + end, ... are there, from `first` on.
  std::int64_t count(const std::string& start, const std::string& end,
                     std::int64_t first = 0) const;

 private:
  std::map<std::string, Dims> shapes_;
};

struct NetworkFamily;

/// The names that network_family() knows.
std::vector<std::string> network_names();
/// Name and description of each, one a line.
std::string network_list();
std::vector<std::string> activation_names();

/// The values of a file that belong to the network, by the network's names: what stands before them
/// ("model.") is left out together with all that does not have it, and names of other libraries
/// are put into ours. Error(names) if there is no tensor that every network of this name has.
NamedTensors weights_of(const std::string& network, const NamedTensors& file);

/// How many classes the last layer of these weights tells apart; nothing if they do not say.
std::optional<std::int64_t> classes_of(const std::string& network, const WeightShapes& weights);

/// A network of that name for inputs of `spec`, its values drawn by `key`. Sizes are those of the
/// weights, of `size`, or the network's own. Error(usage) if `size` contradicts the weights, or
/// speaks of what the network does not have; errors of the network's constructor.
std::unique_ptr<nn::Module> make_network(const std::string& network, const nn::ImageSpec& spec,
                                         const NetworkSize& size, const WeightShapes& weights,
                                         philox::Key key);

}  // namespace sonde::experiments
