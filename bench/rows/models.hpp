/// @file
/// The models of the rows that train.
#pragma once

#include <memory>
#include <string>

#include "autograd/transforms.hpp"
#include "nn/module.hpp"

namespace sonde::bench {

/// "mlp", ...: f32, its weights by the formula of tests/parity/values.hpp. Error(names) if there is
/// no such model.
std::shared_ptr<nn::Module> make_model(const std::string& name);

/// Mean cross-entropy of the model's logits; their classes are on the last axis.
Var model_loss(const nn::Module& model, nn::Context& ctx, const Var& x, const Var& labels);

/// The loss of a batch as a function of the parameters, in eval mode.
Function loss_of_parameters(const std::shared_ptr<nn::Module>& model, const Var& x,
                            const Var& labels);

/// The entries of a list that belongs to the parameters, in the order of their names: the order in
/// which the peers give theirs.
Vars by_name(const nn::Module& model, const Vars& of_parameters);

}  // namespace sonde::bench
