#include "experiments/common/results.hpp"

namespace sonde::experiments {

Json summary(const RunFacts& facts, const Results& results) {
  Json json{{"experiment", facts.experiment},
            {"paper", facts.paper},
            {"measures", facts.measures},
            {"version", facts.version},
            {"seed", facts.seed},
            {"threads", facts.threads},
            {"device", facts.device},
            {"device_name", facts.device_name},
            {"blas_core", facts.blas_core},
            {"simd", facts.simd},
            {"cpu", facts.cpu},
            {"versions", Json::object()},
            {"wall_s", facts.wall_s},
            {"peak_bytes", facts.peak_bytes},
            {"metrics", Json::object()},
            {"claims", Json::array()},
            {"figures", Json::array()}};
  for (const auto& [name, version] : facts.versions) json["versions"][name] = version;
  for (const Metric& m : results.metrics) json["metrics"][m.name] = to_json(m.value);
  for (const Claim& c : results.claims) json["claims"].push_back(to_json(c));
  for (const CaptionedFigure& f : results.figures)
    json["figures"].push_back({{"name", f.figure.name()}, {"caption", f.caption}});
  return json;
}

}  // namespace sonde::experiments
