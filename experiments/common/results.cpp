#include "experiments/common/results.hpp"

#include "experiments/common/csv.hpp"
#include "tensor/error.hpp"

namespace sonde::experiments {

void Table::add(std::vector<std::string> row) {
  if (row.size() != columns.size())
    fail(ErrorCode::shape, "table", "{} fields for {} columns", row.size(), columns.size());
  rows.push_back(std::move(row));
}

std::string Table::csv() const {
  std::string out = csv_row(columns);
  for (const auto& row : rows) out += csv_row(row);
  return out;
}

Json summary(const RunFacts& facts, const Results& results) {
  Json json{{"experiment", facts.experiment}, {"paper", facts.paper},
            {"version", facts.version},       {"seed", facts.seed},
            {"threads", facts.threads},       {"device", facts.device},
            {"blas_core", facts.blas_core},   {"wall_s", facts.wall_s},
            {"peak_bytes", facts.peak_bytes}, {"metrics", Json::object()},
            {"claims", Json::array()}};
  for (const Metric& m : results.metrics) json["metrics"][m.name] = to_json(m.value);
  for (const Claim& c : results.claims) json["claims"].push_back(to_json(c));
  return json;
}

}  // namespace sonde::experiments
