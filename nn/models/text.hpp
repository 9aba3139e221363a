/// @file
/// What the models of text have in common.
#pragma once

#include "nn/module.hpp"

namespace sonde::nn {

/// GPT-2's and BERT's initial values for everything below `module`: matrices normal with this
/// standard deviation, biases 0. Norms stay as they are.
void draw_normal(const Module& module, double std, philox::Key key);

}  // namespace sonde::nn
