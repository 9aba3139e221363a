/// @file
/// The step that lstm_cell and the decomposed lstm share.
#pragma once

#include "autograd/primitive.hpp"

namespace sonde {

/// (pre-activations [..., 4H], cell [..., H]) -> {h, c', gates}.
Vars lstm_cell_step(const Var& pre_activations, const Var& cell, std::source_location where);

}  // namespace sonde
