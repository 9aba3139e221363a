#include "experiments/network/architecture.hpp"

#include <iterator>

#include "experiments/network/families.hpp"
#include "nn/names.hpp"

namespace sonde::experiments {
namespace {

// What stands before `marker` in the file's names; nothing if no name ends with it.
std::optional<std::string> prefix_of(const NamedTensors& file, const std::string& marker) {
  std::optional<std::string> shortest;
  for (const auto& [name, tensor] : file) {
    const bool whole = name == marker || name.ends_with("." + marker);
    const std::string before = whole ? name.substr(0, name.size() - marker.size()) : "";
    if (whole && (!shortest || before.size() < shortest->size())) shortest = before;
  }
  return shortest;
}

// The name as the library has it.
std::string translated(const std::string& name, const NetworkFamily& family) {
  for (const auto& [theirs, ours] : family.also_called)
    if (name.starts_with(theirs)) return std::string(ours) + name.substr(theirs.size());
  return name;
}

}  // namespace

WeightShapes::WeightShapes(const NamedTensors& tensors) {
  for (const auto& [name, tensor] : tensors) shapes_.emplace(name, tensor.shape());
}

std::optional<std::int64_t> WeightShapes::size(const std::string& name, int axis) const {
  const auto found = shapes_.find(name);
  if (found == shapes_.end() || axis >= found->second.rank()) return {};
  return found->second[axis];
}

std::int64_t WeightShapes::count(const std::string& start, const std::string& end,
                                 std::int64_t first) const {
  std::int64_t n = 0;
  while (has(fmt::format("{}{}{}", start, first + n, end))) ++n;
  return n;
}

std::vector<std::string> network_names() {
  std::vector<std::string> names;
  for (const NetworkFamily& f : network_families()) names.emplace_back(f.name);
  return names;
}

std::string network_list() {
  std::string text;
  for (const NetworkFamily& f : network_families())
    text += fmt::format("{}{}: {}", text.empty() ? "" : "\n", f.name, f.description);
  return text;
}

NamedTensors weights_of(const std::string& network, const NamedTensors& file) {
  const NetworkFamily& family = network_family(network);
  NamedTensors all;
  for (const auto& [name, tensor] : file) all.emplace(translated(name, family), tensor);
  const auto prefix = prefix_of(all, std::string(family.marker));
  if (!prefix) {
    std::vector<std::string> names;
    for (const auto& [name, tensor] : file) names.push_back(name);
    const std::string near = nn::nearest(family.marker, names);
    fail_hint(ErrorCode::names, "--weights",
              fmt::format("name the network that these weights are of with --model: {}",
                          fmt::join(network_names(), ", ")),
              "the file has {} tensors, but no {} as every network '{}' has{}", file.size(),
              family.marker, network, near.empty() ? "" : fmt::format(" (nearest: {})", near));
  }
  NamedTensors out;
  for (const auto& [name, tensor] : all)
    if (name.starts_with(*prefix)) out.emplace(name.substr(prefix->size()), tensor);
  return out;
}

std::optional<std::int64_t> classes_of(const std::string& network, const WeightShapes& weights) {
  const NetworkFamily& family = network_family(network);
  return weights.size(family.head(weights), 0);
}

std::unique_ptr<nn::Module> make_network(const std::string& network, const nn::ImageSpec& spec,
                                         const NetworkSize& size, const WeightShapes& weights,
                                         philox::Key key) {
  return network_family(network).make({spec, size, weights, key});
}

}  // namespace sonde::experiments
