/// @file
/// A person's own network with its data: the options that name them, and how they are loaded.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "experiments/common/cli.hpp"
#include "experiments/data/images.hpp"
#include "experiments/network/architecture.hpp"
#include "nn/module.hpp"

namespace sonde::experiments {

struct NetworkOptions {
  std::string model = "vit";
  std::string weights{};  ///< a file; empty: initial values drawn by the seed
  NetworkSize size{};
  std::string data = "fashion-mnist", label{};
  std::vector<double> mean{}, deviation{};  ///< of the pixels' channels, in [0, 1]
  std::int64_t samples = 0;
  std::string precision = "f32";
};

/// Declares --model, --weights, --width, --depth, --heads, --activation, --data, --label, --mean,
/// --deviation, --samples, --precision. Defaults are the values that `options` has, but for
/// --samples.
void declare_network(Cli& cli, NetworkOptions& options, Scaled<std::int64_t> samples,
                     const std::string& samples_help);

/// Declares --max-memory, in GiB, and --dry-run.
void declare_limits(Cli& cli, double& max_memory, bool& dry_run);
/// Error(usage) unless --seeds is 1.
void require_one_network(const Settings& settings);

/// What is measured, on the device of the settings, and what it is measured on: inputs [n,
/// channels, height, width] in the type of the parameters, on the host; a table's rows are images
/// of one pixel's height.
struct Network {
  std::unique_ptr<nn::Module> module;
  ImageSet train, test;
  std::int64_t outputs = 0;
  bool images = true;   ///< and not rows of a table
  std::string data;     ///< what was loaded, one sentence
  std::string network;  ///< what it is and where its values are from
};

/// `train` and `test` samples of the data, drawn by the seed, and the network for them. Error(data,
/// format, file) for the data; Error(names) for weights that do not fit, naming the tensors with
/// both shapes; Error(format) for weights and Error(numeric) for outputs that are not finite;
/// Error(usage) for a network that cannot see these inputs, or for more samples than there are.
Network load_network(const NetworkOptions& options, const Settings& settings, std::int64_t train,
                     std::int64_t test);

DType precision_of(const NetworkOptions& options);

}  // namespace sonde::experiments
