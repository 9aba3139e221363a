/// @file
/// Networks that tell the label of a string of tokens: i64 [n, length] to a logit each, [n].
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "nn/module.hpp"

namespace sonde::experiments {

struct TokenNetworkOptions {
  std::int64_t vocabulary = 60, length = 50;
  std::int64_t width = 32;
};

/// "attention", "mlp", "cnn", "lstm".
const std::vector<std::string>& token_network_names();

/// attention: u . mean over tokens of softmax(x W_QK x') x W_v, where the rows of x are one-hot and
/// W_v is [vocabulary, width], a single head without positions. mlp: a hidden layer of ReLUs on the
/// one-hots of all positions side by side. cnn: embeddings, a convolution over three tokens, ReLUs,
/// their mean. lstm: embeddings, one layer, its last state. All end in a linear map. Error(names)
/// for another name, Error(value) on sizes out of range.
std::unique_ptr<nn::Module> token_network(const std::string& name,
                                          const TokenNetworkOptions& options, philox::Key key);

}  // namespace sonde::experiments
