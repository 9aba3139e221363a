#include "experiments/network/modules.hpp"

#include <algorithm>
#include <cctype>

namespace sonde::experiments {
namespace {

bool is_element(const std::string& child) {
  return std::isdigit(static_cast<unsigned char>(child.back())) != 0 &&
         child.find('.') != std::string::npos;
}

bool holds_list(const nn::Module& module) {
  return std::ranges::any_of(module.children(), [](const auto& child) {
    return is_element(child.first) || holds_list(*child.second);
  });
}

void add_children(const nn::Module& module, const std::string& path,
                  std::vector<ParameterGroup>& groups) {
  for (const auto& [name, child] : module.children()) {
    const std::string below = path + name;
    if (child->parameter_count() == 0) continue;
    if (!is_element(name) && holds_list(*child))
      add_children(*child, below + ".", groups);
    else
      groups.push_back({below, below + ".*"});
  }
}

}  // namespace

std::vector<ParameterGroup> parameter_groups(const nn::Module& network) {
  std::vector<ParameterGroup> groups;
  add_children(network, "", groups);
  for (const nn::NamedEntry& e : network.named_parameters()) {
    const bool covered = std::ranges::any_of(
        groups, [&](const ParameterGroup& g) { return e.path.starts_with(g.name + "."); });
    if (!covered) groups.push_back({e.path, e.path});
  }
  return groups;
}

}  // namespace sonde::experiments
