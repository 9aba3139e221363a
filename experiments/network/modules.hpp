/// @file
/// The parameters of a network in groups: its modules, and the blocks of its lists of modules.
#pragma once

#include <string>
#include <vector>

#include "nn/module.hpp"

namespace sonde::experiments {

struct ParameterGroup {
  std::string name;     ///< path of a module or a parameter
  std::string pattern;  ///< that its parameters match, and no others
};

/// Each parameter is in one group: a child of the network, or where that holds a list of modules
/// ("layers.0", "layers.1", ...) each of them and each of its other children. A parameter beside
/// such children is a group of its own.
std::vector<ParameterGroup> parameter_groups(const nn::Module& network);

}  // namespace sonde::experiments
