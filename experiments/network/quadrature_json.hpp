/// @file
/// What probes saw of a spectrum, for a checkpoint.
#pragma once

#include <vector>

#include "analysis/slq.hpp"
#include "experiments/common/json.hpp"

namespace sonde::experiments {

/// [{"nodes": [...], "weights": [...]}, ...]
inline Json to_json(const std::vector<Quadrature>& probes) {
  Json out = Json::array();
  for (const Quadrature& q : probes) out.push_back({{"nodes", q.nodes}, {"weights", q.weights}});
  return out;
}
/// The inverse; throws Json::exception.
inline std::vector<Quadrature> quadratures_from_json(const Json& json) {
  std::vector<Quadrature> probes;
  for (const Json& q : json)
    probes.push_back(
        {q.at("nodes").get<std::vector<double>>(), q.at("weights").get<std::vector<double>>()});
  return probes;
}

}  // namespace sonde::experiments
