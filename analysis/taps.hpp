/// @file
/// Values inside a running network, read and replaced by path: what embedding noise, plasticity in
/// place and the blow-up of norms are measured through.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nn/module.hpp"

namespace sonde {

/// The module at `path` below `network`. Error(names) if there is none, naming the nearest.
const nn::Module& module_at(const nn::Module& network, std::string_view path);

/// A network as a function of data whose inner values go through a tap: inputs [n, ...] to outputs
/// [n, ...].
using TappedFunction = std::function<Tensor(const Tensor& inputs, const nn::Tap& tap)>;

/// The module by its own parameters, in eval mode; it must outlive the function.
TappedFunction tapped(const nn::Module& module);

/// A value of the network and where it is offered ("encoder.layers.0.norm1.in").
using TappedValues = std::vector<std::pair<std::string, Tensor>>;

/// What f(inputs) offers at points that match `pattern` (matches() of nn/names.hpp), in the order
/// in which they are computed. Error(names) if none does, naming the nearest.
TappedValues values_at(const TappedFunction& f, const Tensor& inputs, std::string_view pattern);
/// What f(inputs) offers at one point. Error(names) unless it does so exactly once.
Tensor value_at(const TappedFunction& f, const Tensor& inputs, std::string_view point);

/// f(inputs) with change(value) in place of the value at `point`. Error(names) as value_at(),
/// Error(shape, dtype) if the change has another shape or type.
Tensor with_value(const TappedFunction& f, const Tensor& inputs, std::string_view point,
                  const std::function<Tensor(const Tensor&)>& change);

/// What enters and what leaves a module in one call.
struct Passage {
  Tensor in, out;
};
/// Of the module at `path`, with change(in) in place of what enters it, if given. Error(names)
/// unless f passes through it exactly once, Error(shape) as with_value().
Passage passage(const TappedFunction& f, const Tensor& inputs, std::string_view path,
                const std::function<Tensor(const Tensor&)>& change = {});

}  // namespace sonde
