#include "experiments/boolean/tradeoff.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/association.hpp"
#include "analysis/statistics.hpp"

namespace sonde::experiments {
namespace {

const std::string parity = "parity";

double uniform(const BitCase& c, std::uint64_t i, Interval range) {
  return range.low + (range.high - range.low) * philox::unit(philox::bits(key_of(c, 3), i));
}

// In standard deviations from the mean.
Sample standardised(Sample values) {
  if (values.size() < 2) return Sample(values.size(), 0.0);
  const double centre = mean(values), spread = std::sqrt(variance(values));
  for (double& v : values) v = spread > 0 ? (v - centre) / spread : 0;
  return values;
}

Sample values_of(const TrainedRuns& runs, const BitQuantity& q) {
  Sample out;
  for (const TrainedBits& t : runs) out.push_back(q.of(t.found));
  return out;
}

TrainedRuns kept_at(const TrainedRuns& runs, std::int64_t n) {
  return runs_where(runs, [=](const TrainedBits& t) { return t.of.length == n && converged(t); });
}

// The targets among the runs but parity.
std::vector<std::string> others_of(const TrainedRuns& runs) {
  std::vector<std::string> out = targets_of(runs);
  std::erase(out, parity);
  return out;
}

Claim above_claim(const TrainedRuns& runs, const std::string& other, const TradeoffCriterion& c) {
  const std::string id = "above_" + other,
                    statement = fmt::format("PARITY needs a larger norm or blow-up than {}", other),
                    criterion = fmt::format(
                        "over kept runs of {} bits, log blow-up (the code's) + norm, both in "
                        "standard deviations of all of them, is higher for parity than for {} by "
                        "the rank-sum test, p < .05: the 95 % interval of the shift lies above 0",
                        c.compared_at, other);
  const auto value = cost_shift(runs, other, c);
  if (!value) return undecided(id, statement, criterion, "no kept runs of both");
  return judge(id, statement, criterion, *value, Side::above);
}

}  // namespace

Interval range_of(const std::string& option, const std::vector<double>& ends) {
  if (ends.size() != 2 || ends[0] > ends[1])
    fail_hint(ErrorCode::usage, option, "give its least and its greatest value", "{} is no range",
              fmt::join(ends, " "));
  return {ends[0], ends[1]};
}

BitCase with_random_settings(BitCase c, Interval lr, Interval weight_decay) {
  c.lr = uniform(c, 0, lr);
  c.weight_decay = uniform(c, 1, weight_decay);
  return c;
}

std::map<std::string, Sample> costs(const TrainedRuns& runs, const TradeoffCriterion& c) {
  const TrainedRuns kept = kept_at(runs, c.compared_at);
  Sample blowups = values_of(kept, *c.blowup);
  if (c.blowup_in_deviations) blowups = standardised(blowups);
  const Sample norms = standardised(values_of(kept, quantities::norm));
  std::map<std::string, Sample> out;
  for (std::size_t i = 0; i < kept.size(); ++i)
    out[kept[i].of.target].push_back(blowups[i] + norms[i]);
  return out;
}

std::optional<Estimate> cost_shift(const TrainedRuns& runs, const std::string& other,
                                   const TradeoffCriterion& c) {
  const std::map<std::string, Sample> all = costs(runs, c);
  if (!all.contains(parity) || !all.contains(other)) return {};
  return shift(all.at(parity), all.at(other));
}

std::vector<Claim> tradeoff_claims(const TrainedRuns& runs, const TradeoffCriterion& c) {
  std::vector<Claim> out;
  std::string ids;
  for (const std::string& name : target_names())
    if (name != parity) {
      out.push_back(above_claim(runs, name, c));
      ids += (ids.empty() ? "" : ", ") + out.back().id;
    }
  out.push_back(all_hold("above_all",
                         "PARITY needs a larger norm or blow-up than each other target",
                         ids + " hold", out));
  return out;
}

std::vector<Metric> tradeoff_metrics(const TrainedRuns& runs, const TradeoffCriterion& c) {
  std::vector<Metric> out;
  for (const std::string& name : targets_of(runs))
    for (const std::int64_t n : lengths_of(runs)) {
      const TrainedRuns kept = kept_at(kept_runs(runs, name), n);
      out.push_back(
          {fmt::format("kept.{}.{}", name, n), "",
           proportion(static_cast<std::int64_t>(kept.size()),
                      static_cast<std::int64_t>(runs_where(runs, [&](const TrainedBits& t) {
                                                  return t.of.target == name && t.of.length == n;
                                                }).size()))});
      if (kept.size() < 4) continue;
      const Sample norms = values_of(kept, quantities::norm);
      for (const BitQuantity* q : {&quantities::log_blowup, &quantities::theory_log_blowup})
        out.push_back(
            {fmt::format("spearman.{}.{}.{}", q->id, name, n),
             fmt::format("rank correlation of norm and {}, {} of {} bits", q->label, name, n),
             rank_correlation(values_of(kept, *q), norms)});
    }
  TradeoffCriterion theory = c, as_it_is = c;
  theory.blowup = &quantities::theory_log_blowup;
  as_it_is.blowup_in_deviations = false;
  for (const std::string& other : others_of(runs)) {
    if (const auto value = cost_shift(runs, other, theory))
      out.push_back({"theory_above." + other,
                     "parity's sum above that of " + other + ", the theory's blow-up", *value});
    if (const auto value = cost_shift(runs, other, as_it_is))
      out.push_back({"unscaled_above." + other,
                     "parity's sum above that of " + other + ", log blow-up as it is", *value});
  }
  return out;
}

std::vector<std::string> tradeoff_notes(const TrainedRuns& runs, const TradeoffCriterion& c) {
  const std::map<std::string, Sample> all = costs(runs, c);
  std::vector<std::string> parts;
  for (const std::string& name : targets_of(runs)) {
    const TrainedRuns kept = kept_at(kept_runs(runs, name), c.compared_at);
    if (kept.empty()) continue;
    Sample lr, weight_decay;
    for (const TrainedBits& t : kept) {
      lr.push_back(t.of.lr);
      weight_decay.push_back(t.of.weight_decay);
    }
    std::string part = fmt::format(
        "{}: {} runs, sum {:.3g}, log blow-up {:.3g}, norm {:.4g}, learning rate {:.2g}, weight "
        "decay {:.2g}",
        name, kept.size(), quantile(all.at(name), 0.5), quantile(values_of(kept, *c.blowup), 0.5),
        quantile(values_of(kept, quantities::norm), 0.5), quantile(lr, 0.5),
        quantile(weight_decay, 0.5));
    if (name != parity && all.contains(parity))
      part += fmt::format(", p {:.2g} against parity", rank_sum(all.at(parity), all.at(name)).p);
    parts.push_back(std::move(part));
  }
  std::vector<std::string> out{fmt::format("Medians of the kept runs of {} bits. {}.",
                                           c.compared_at, fmt::join(parts, "; "))};
  const TrainedRuns own = kept_at(kept_runs(runs, parity), c.compared_at);
  if (own.size() >= 3) {
    const RankTest test = spearman(values_of(own, *c.blowup), values_of(own, quantities::norm));
    out.push_back(
        fmt::format("Within PARITY of {} bits log blow-up and norm have Spearman's rank "
                    "correlation {:.3f}, p {:.2g}: negative if one is traded for the "
                    "other. It is reported, not judged.",
                    c.compared_at, test.statistic, test.p));
  }
  return out;
}

namespace {

// Names of series, and which runs they are.
using Series = std::vector<std::pair<std::string, TrainedRuns>>;

Figure scatter(const std::string& name, const std::string& title, const Series& all,
               const BitQuantity& q, bool in_order) {
  Figure f(name, title, {.label = quantities::norm.label}, {.label = q.label});
  if (in_order)
    f.use_tones();
  else
    f.colour_order(all_target_names());
  for (const auto& [label, runs] : all)
    if (!runs.empty()) f.scatter(label, values_of(runs, quantities::norm), values_of(runs, q));
  return f;
}

// The bound without its constant, average sensitivity / sqrt(n ln n), which holds for long strings.
Figure bound_figure(const TrainedRuns& runs) {
  Figure f("squared_blowup", "mean squared blow-up, the theory's",
           {.label = "average sensitivity / sqrt(n ln n)"},
           {.label = "mean squared blow-up", .log = true});
  f.colour_order(all_target_names());
  for (const std::string& name : targets_of(runs)) {
    std::vector<double> x, y;
    for (const TrainedBits& run : kept_runs(runs, name)) {
      const auto n = static_cast<double>(run.of.length);
      if (n < 2) continue;
      x.push_back(average_sensitivity_of(name, run.of.length) / std::sqrt(n * std::log(n)));
      y.push_back(run.found.theory_squared_blowup);
    }
    if (!x.empty()) f.scatter(name, x, y);
  }
  return f;
}

}  // namespace

std::vector<CaptionedFigure> tradeoff_figures(const TrainedRuns& runs, const TradeoffCriterion& c) {
  const std::string caption =
      "A point a kept run, each with a learning rate and a weight decay of its own. " +
      discarded_text(runs) + " discarded.";
  std::vector<CaptionedFigure> out;
  const auto by_target = [&](std::int64_t n, const BitQuantity& q, const std::string& suffix) {
    Series all;
    for (const std::string& name : targets_of(runs))
      all.emplace_back(name, kept_at(kept_runs(runs, name), n));
    out.push_back({scatter(fmt::format("bits_{}{}", n, suffix),
                           fmt::format("{} bits: norm and {}", n, q.label), all, q, false),
                   caption});
  };
  for (const std::int64_t n : lengths_of(runs)) by_target(n, quantities::log_blowup, "");
  by_target(c.compared_at, quantities::theory_log_blowup, "_theory");
  for (const std::string& name : targets_of(runs)) {
    Series all;
    for (const std::int64_t n : lengths_of(runs))
      all.emplace_back(fmt::format("{} bits", n), kept_at(kept_runs(runs, name), n));
    out.push_back({scatter("lengths_" + name,
                           fmt::format("{}: norm and {}", name, quantities::log_blowup.label), all,
                           quantities::log_blowup, true),
                   caption});
  }
  out.push_back({bound_figure(runs),
                 "Up to a constant that the theory does not tell, what stands below is a lower "
                 "bound of the mean squared blow-up: only their order can be compared. " +
                     caption});
  return out;
}

}  // namespace sonde::experiments
