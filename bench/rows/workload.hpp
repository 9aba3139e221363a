/// @file
/// Rows of the side-by-side table (bench/compare.py) on Sonde's side. A row names an operation,
/// parameters and inputs; a Maker turns them into Work that is run, checked and timed.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "autograd/transforms.hpp"

namespace sonde::bench {

using Json = nlohmann::json;

struct Setup {
  Json params;
  Vars inputs;
};

/// Does the row's work once; returns what is compared with the peers' results.
using Work = std::function<Vars()>;
using Maker = std::function<Work(const Setup&)>;
/// By the operation's name.
using Makers = std::map<std::string, Maker>;

/// A function of the inputs: run as it is, or, if the row has "wrt", together with the gradients
/// along a given cotangent of its first output, with respect to the inputs of these positions.
Maker differentiable(std::function<Function(const Json& params)> make);

/// uniform_values("cotangent", shape) in the dtype and memory order of `output`.
Tensor cotangent(const Tensor& output);

/// An array of numbers as Dims.
Dims to_dims(const Json& numbers);

void add_matmul(Makers& makers);
void add_elementwise(Makers& makers);
void add_rows(Makers& makers);
void add_index(Makers& makers);
void add_attention(Makers& makers);
void add_conv(Makers& makers);
void add_lstm(Makers& makers);
void add_overhead(Makers& makers);
void add_optim(Makers& makers);
void add_training(Makers& makers);
void add_curvature(Makers& makers);
void add_bits(Makers& makers);

}  // namespace sonde::bench
