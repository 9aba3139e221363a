#include "experiments/common/criteria.hpp"

#include <utility>

#include "analysis/statistics.hpp"

namespace sonde::experiments {

void describe_criteria(Run& run, const std::vector<Claim>& claims) {
  Json criteria;
  for (const Claim& c : claims) criteria[c.id] = c.criterion;
  run.describe("criteria", criteria);
}

void leave_open_if_quick(Run& run, const std::string& reason) {
  if (run.settings().size != SizeClass::quick) return;
  for (Claim& c : run.results.claims) c = left_open(std::move(c), reason);
}

std::optional<Estimate> mean_if_any(const std::vector<double>& by_unit) {
  return by_unit.empty() ? std::nullopt : std::optional(mean_over_units(by_unit));
}

Claim judge_if(const std::string& id, const std::string& statement, const std::string& criterion,
               const std::optional<Estimate>& value, Side side, double threshold,
               const std::string& missing) {
  if (!value) return undecided(id, statement, criterion, missing);
  return judge(id, statement, criterion, *value, side, threshold);
}

}  // namespace sonde::experiments
