/// @file
/// Plasticity of a network's components: the mean expansion of pairs of token sequences,
///   P(f) = E |f(x) - f(y)|_F / |x - y|_F,
/// a mean of ratios. Odonnat, Chapel, Tavenard, Redko, "Vision transformer finetuning benefits from
/// non-smooth components", 2026, arXiv:2602.06883. Its upper bounds are in plasticity_bounds.hpp.
///
/// Every function gives the ratios, one for each pair; mean_over_units() of them is P with its
/// interval over pairs.
#pragma once

#include <functional>
#include <string_view>

#include "analysis/perturbation.hpp"
#include "analysis/statistics.hpp"
#include "analysis/taps.hpp"

namespace sonde {

/// A part of a network as a function of token sequences [n, tokens, features].
using Component = std::function<Tensor(const Tensor& x)>;

/// The part of `network` at `path` ("encoder.layers.0.linear1") by itself, by its own parameters,
/// in eval mode. The network must outlive it. Error(names) if there is none, naming the nearest.
Component component(const nn::Module& network, std::string_view path);

/// |f(x_i) - f(y_i)|_F / |x_i - y_i|_F for each i, of x, y [n, ...]. Error(shape) unless both are
/// of one shape; Error(value) if x_i = y_i.
Sample expansion(const Component& f, const Tensor& x, const Tensor& y);

/// The paper's mode. Each component gets the network's embeddings x, y [n, tokens, features]
/// themselves, not what reaches it in the network; where its "weight" [out, in] asks for more
/// features, zeros are put behind them, so that of a second linear map the first columns are
/// probed.
Sample expansion_of_embeddings(const nn::Module& network, std::string_view path, const Tensor& x,
                               const Tensor& y);

/// In place: the component at `path` gets what reaches it when the network runs on `inputs_x` and
/// on `inputs_y`. Error(names) if the network does not pass through `path` exactly once.
Sample expansion_in_place(const TappedFunction& network, std::string_view path,
                          const Tensor& inputs_x, const Tensor& inputs_y);

/// In place, with noise: y is what reaches the component on `inputs`, disturbed. One ratio for each
/// input and position, input by input; the noise has trial_key({input, position, 0}).
Sample expansion_in_place(const TappedFunction& network, std::string_view path,
                          const Tensor& inputs, const Perturbation& perturbation, double sigma,
                          philox::Key key);

}  // namespace sonde
