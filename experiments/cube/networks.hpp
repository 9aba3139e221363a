/// @file
/// Networks on the Boolean cube: bits [n, d] of -1 and 1 to numbers [n, 1].
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "nn/module.hpp"

namespace sonde::experiments {

struct CubeNetworkOptions {
  std::int64_t bits = 10, width = 32;
  std::int64_t group = 1;  ///< bits in a token, which divides their number
};

/// "linear-attention", "softmax", "lstm", "mlp".
const std::vector<std::string>& cube_network_names();

/// The first three read tokens: a linear map of the group's bits (of one bit, a vector with its
/// sign) and a learned position. Attention is one encoder layer of one head with the norm in front
/// and a ReLU network of twice the width behind, the mean over tokens, a linear map; the LSTM's
/// last state, a linear map. The MLP has two hidden layers of ReLUs and sees all bits. Error(value)
/// unless the groups fit; Error(names) for another name.
std::unique_ptr<nn::Module> cube_network(const std::string& name, const CubeNetworkOptions& options,
                                         philox::Key key);

}  // namespace sonde::experiments
