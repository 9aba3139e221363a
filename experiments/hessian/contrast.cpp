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

// A network's matrices, one after another.
class ContrastJob final : public Job {
 public:
  ContrastJob(const std::string& network, std::uint64_t seed, std::int64_t sequences)
      : tokens_(addition::batch(sequences, {seed, 2})), net_(made(network, {seed, 1})) {
    for (const nn::NamedEntry& e : net_->named_parameters())
      if (e.handle->value.rank() >= 2) parameters_.push_back(e.path);
  }

  bool advance() override {
    const std::string& parameter = parameters_.at(found_.size());
    Json one = to_json(block_sizes(*net_, tokens_, parameter));
    one["parameter"] = parameter;
    found_.push_back(std::move(one));
    return found_.size() == parameters_.size();
  }
  Json result() const override { return found_; }
  void save(Checkpoint& c) const override { c.state["found"] = found_; }
  void restore(const Checkpoint& c) override {
    found_ = c.state.value("found", Json());
    if (!found_.is_array() || found_.size() >= parameters_.size())
      fail(ErrorCode::format, "checkpoint", "holds no blocks of a network");
  }

 private:
  const Tensor tokens_;
  const std::unique_ptr<nn::Module> net_;
  std::vector<std::string> parameters_;
  Json found_ = Json::array();
};

}  // namespace

std::vector<NetworkBlock> contrast(Jobs& jobs, std::uint64_t seed, std::int64_t repetitions,
                                   std::int64_t sequences) {
  const auto network = [&](std::int64_t i) -> const std::string& {
    return networks[static_cast<std::size_t>(i / repetitions)];
  };
  const JobMaker make = [&](std::int64_t i) {
    return std::make_unique<ContrastJob>(
        network(i), seed + static_cast<std::uint64_t>(i % repetitions), sequences);
  };
  std::vector<NetworkBlock> out;
  std::int64_t i = 0;
  try {
    for (const Json& found : jobs.run("contrast", repetitions * std::ssize(networks), make)) {
      for (const Json& one : found)
        out.push_back(
            {network(i), one.at("parameter"), i % repetitions, block_sizes_from_json(one)});
      ++i;
    }
  } catch (const Json::exception& e) {
    fail(ErrorCode::format, "checkpoint", "{}", e.what());
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
