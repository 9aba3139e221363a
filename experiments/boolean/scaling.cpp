#include "experiments/boolean/scaling.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "analysis/statistics.hpp"
#include "experiments/common/criteria.hpp"

namespace sonde::experiments {
namespace {

const std::string parity = "parity";

double sharpness(const TrainedBits& t) {
  return quantities::label_sharpness.of(t.found);
}

// Through kept runs of one target; nothing where there is no line.
std::optional<LinearRegression> line_of(const TrainedRuns& kept) {
  Sample x, y;
  for (const TrainedBits& t : kept) {
    x.push_back(static_cast<double>(t.of.length));
    y.push_back(sharpness(t));
  }
  if (x.size() < 3 || lengths_of(kept).size() < 2) return {};
  LinearRegression line = linear_regression(x, y);
  line.slope.n = static_cast<std::int64_t>(seeds_of(kept).size());
  line.slope.m = static_cast<std::int64_t>(kept.size());
  return line;
}

// Parity's value less `factor` times the greatest of the others' magnitudes; nothing unless there
// are others and each target has one.
std::optional<double> lead(const TrainedRuns& runs, double factor,
                           const std::function<std::optional<double>(const TrainedRuns&)>& value) {
  std::optional<double> own, greatest;
  for (const std::string& target : targets_of(runs)) {
    const std::optional<double> v = value(kept_runs(runs, target));
    if (!v) return {};
    if (target == parity)
      own = *v;
    else
      greatest = std::max(greatest.value_or(0), std::abs(*v));
  }
  if (!own || !greatest) return {};
  return *own - factor * *greatest;
}

// The same for each seed that has one.
Sample leads(const TrainedRuns& runs, double factor,
             const std::function<std::optional<double>(const TrainedRuns&)>& value) {
  Sample out;
  for (const std::uint64_t seed : seeds_of(runs))
    if (const auto one = lead(of_seed(runs, seed), factor, value)) out.push_back(*one);
  return out;
}

Claim slope_claim(const TrainedRuns& runs) {
  const std::string id = "slope", statement = "PARITY gets sharper with its length",
                    criterion =
                        "the slope of sharpness by length over all kept runs is positive with p "
                        "below .05 by Student's t: the 95 % interval lies above 0; three seeds";
  const auto line = line_of(kept_runs(runs, parity));
  if (!line) return undecided(id, statement, criterion, "too few kept runs of parity");
  return judge(id, statement, criterion, line->slope, Side::above);
}

Claim steeper_claim(const TrainedRuns& runs, double factor) {
  const auto slope_of = [](const TrainedRuns& kept) -> std::optional<double> {
    const auto line = line_of(kept);
    return line ? std::optional(line->slope.value) : std::nullopt;
  };
  return judge_if(
      "steeper", "The sharpness of the other targets stays flat",
      fmt::format("parity's slope less {:g} times the greatest magnitude of the others', "
                  "of each seed's kept runs, has a 95 % interval over seeds above 0",
                  factor),
      mean_if_any(leads(runs, factor, slope_of)), Side::above, 0,
      "no seed has a line for every target");
}

Claim sharper_claim(const TrainedRuns& runs, double factor, std::int64_t n) {
  const TrainedRuns at = runs_where(runs, [=](const TrainedBits& t) { return t.of.length == n; });
  const auto value = [](const TrainedRuns& kept) -> std::optional<double> {
    return kept.empty() ? std::nullopt : std::optional(sharpness(kept[0]));
  };
  return judge_if("sharper", fmt::format("PARITY of {} bits is far sharper than the others", n),
                  fmt::format("parity's sharpness at {} bits less {:g} times the greatest of the "
                              "others', of each seed at which all are kept, has a 95 % interval "
                              "over seeds above 0",
                              n, factor),
                  mean_if_any(leads(at, factor, value)), Side::above, 0,
                  "no seed at which every target is kept");
}

Claim learnt_claim(const TrainedRuns& runs, std::int64_t bits, double share) {
  const std::string
      statement = fmt::format("PARITY of up to {} bits is learnt", bits),
      criterion = fmt::format(
          "at least {:.0f} % of its runs have a mean squared error below {:g}, labels "
          "being 0 and 1; three seeds",
          100 * share, greatest_loss);
  const TrainedRuns all = runs_where(
      runs, [&](const TrainedBits& t) { return t.of.target == parity && t.of.length <= bits; });
  if (all.empty()) return undecided("learnt", statement, criterion, "no such run");
  const auto kept = static_cast<std::int64_t>(runs_where(all, converged).size());
  Claim claim{"learnt", statement, criterion,
              proportion(kept, static_cast<std::int64_t>(all.size()))};
  claim.value->n = static_cast<std::int64_t>(seeds_of(all).size());
  if (claim.value->n < 3)
    claim.reason = fmt::format("{} seeds where 3 are needed", claim.value->n);
  else
    claim.verdict = claim.value->value >= share ? Verdict::reproduced : Verdict::not_reproduced;
  return claim;
}

// The targets at one length by their means, least first; empty unless each has a kept run.
std::vector<std::string> order_by(const TrainedRuns& runs, std::int64_t n, const BitQuantity& q) {
  std::vector<std::pair<double, std::string>> means;
  for (const std::string& target : targets_of(runs)) {
    Sample values;
    for (const TrainedBits& t : kept_runs(runs, target))
      if (t.of.length == n) values.push_back(q.of(t.found));
    if (values.empty()) return {};
    means.emplace_back(mean(values), target);
  }
  std::ranges::sort(means);
  std::vector<std::string> out;
  for (const auto& [value, target] : means) out.push_back(target);
  return out;
}

}  // namespace

std::map<std::string, LinearRegression> sharpness_lines(const TrainedRuns& runs) {
  std::map<std::string, LinearRegression> out;
  for (const std::string& target : targets_of(runs))
    if (const auto line = line_of(kept_runs(runs, target))) out.emplace(target, *line);
  return out;
}

std::vector<Claim> scaling_claims(const TrainedRuns& all, const ScalingCriterion& c) {
  const TrainedRuns runs = runs_where(all, [](const TrainedBits& t) {
    return std::ranges::find(target_names(), t.of.target) != target_names().end();
  });
  return {slope_claim(runs), steeper_claim(runs, c.slope_factor),
          sharper_claim(runs, c.sharpness_factor, c.compared_at),
          learnt_claim(runs, c.easy_bits, c.learnt_share)};
}

Estimate same_order(const TrainedRuns& runs) {
  std::int64_t alike = 0, all = 0;
  for (const std::int64_t n : lengths_of(runs)) {
    const auto by_labels = order_by(runs, n, quantities::label_sharpness);
    if (by_labels.empty()) continue;
    ++all;
    alike += by_labels == order_by(runs, n, quantities::output_sharpness);
  }
  return all == 0 ? Estimate{.m = 0} : proportion(alike, all);
}

}  // namespace sonde::experiments
