#include "experiments/hessian/contrast.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>

#include "experiments/hessian/addition_networks.hpp"

namespace sonde::experiments {
namespace {

const std::vector<std::string> networks{"transformer", "LSTM", "CNN"};

std::unique_ptr<nn::Module> made(const std::string& network, philox::Key key) {
  if (network == "LSTM") return std::make_unique<AdditionLstm>(key);
  if (network == "CNN") return std::make_unique<AdditionCnn>(key);
  return std::make_unique<SmallTransformer>(SmallTransformerOptions{}, key);
}

// log10 of the medians over repetitions, by parameter.
std::map<std::string, std::vector<double>> medians_of(const std::vector<NetworkBlock>& blocks,
                                                      const std::string& network) {
  std::map<std::string, std::vector<double>> out;
  for (const NetworkBlock& b : blocks)
    if (b.network == network) out[b.parameter].push_back(std::log10(b.sizes.median));
  return out;
}

}  // namespace

std::int64_t contrast_steps(std::int64_t repetitions) {
  return repetitions * static_cast<std::int64_t>(networks.size());
}

std::vector<NetworkBlock> contrast(std::uint64_t seed, std::int64_t repetitions,
                                   std::int64_t sequences, const std::function<void()>& pause) {
  std::vector<NetworkBlock> out;
  for (const std::string& network : networks)
    for (std::int64_t r = 0; r < repetitions; ++r) {
      const std::uint64_t one = seed + static_cast<std::uint64_t>(r);
      const Tensor tokens = addition::batch(sequences, {one, 2});
      const std::unique_ptr<nn::Module> net = made(network, {one, 1});
      for (const nn::NamedEntry& e : net->named_parameters()) {
        if (e.handle->value.rank() < 2) continue;
        BlockSizes sizes = block_sizes(*net, tokens, e.path);
        sizes.elements = {};
        out.push_back({network, e.path, r, std::move(sizes)});
      }
      pause();
    }
  return out;
}

std::vector<Metric> contrast_metrics(const std::vector<NetworkBlock>& blocks) {
  std::vector<Metric> out;
  for (const std::string& network : networks) {
    const auto medians = medians_of(blocks, network);
    std::vector<double> spreads(medians.begin()->second.size());
    for (std::size_t r = 0; r < spreads.size(); ++r) {
      std::vector<double> all;
      for (const auto& [parameter, values] : medians) all.push_back(values[r]);
      const auto [least, greatest] = std::ranges::minmax(all);
      spreads[r] = greatest - least;
    }
    out.push_back({"spread." + network,
                   network + ": log10 of the greatest block median of |H_ij| over the least",
                   mean_over_units(spreads)});
  }
  return out;
}

CaptionedFigure contrast_figure(const std::vector<NetworkBlock>& blocks) {
  Figure f("contrast", "Sizes of the diagonal blocks of three networks",
           {.label = "network", .categories = networks}, {.label = "log10 median |element|"});
  std::vector<std::string> shown;
  for (std::size_t k = 0; k < networks.size(); ++k) {
    std::vector<double> x, y;
    std::vector<std::string> named;
    for (const auto& [parameter, values] : medians_of(blocks, networks[k])) {
      x.push_back(static_cast<double>(k));
      y.push_back(mean(values));
      named.push_back(fmt::format("{} {:.1f}", parameter, y.back()));
    }
    f.scatter(networks[k], x, y);
    shown.push_back(fmt::format("{}: {}", networks[k], fmt::join(named, ", ")));
  }
  return {std::move(f), fmt::format("Weight matrices before training, means over repetitions. {}.",
                                    fmt::join(shown, "; "))};
}

}  // namespace sonde::experiments
