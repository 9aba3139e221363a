#include "experiments/tokens/findings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "analysis/statistics.hpp"
#include "experiments/common/criteria.hpp"
#include "experiments/tokens/rules.hpp"

namespace sonde::experiments {
namespace {

constexpr SparseCue arms[] = {SparseCue::label, SparseCue::random};

const char* title(SparseCue arm) {
  return arm == SparseCue::label ? "both cues" : "frequent cue alone";
}
const char* id(SparseCue arm) {
  return arm == SparseCue::label ? "both" : "frequent";
}

std::vector<std::string> networks_of(const TokenRuns& runs) {
  std::vector<std::string> out;
  for (const TrainedTokens& t : runs)
    if (std::ranges::find(out, t.of.network) == out.end()) out.push_back(t.of.network);
  return out;
}

TokenRuns runs_of(const TokenRuns& runs, const std::string& network, SparseCue arm) {
  TokenRuns out;
  std::ranges::copy_if(runs, std::back_inserter(out), [&](const TrainedTokens& t) {
    return t.of.network == network && t.of.cue == arm;
  });
  return out;
}

using Number = double (*)(const TrainedTokens&);
double on_train(const TrainedTokens& t) {
  return t.train.value;
}
double on_test(const TrainedTokens& t) {
  return t.test.value;
}

// Of the runs that fit, by seed.
std::map<std::uint64_t, double> by_seed(const TokenRuns& runs, Number number) {
  std::map<std::uint64_t, double> out;
  for (const TrainedTokens& t : runs)
    if (t.fits()) out[t.of.seed] = number(t);
  return out;
}

// Differences of equal seeds.
Sample differences(const TokenRuns& runs, const TokenRuns& others, Number number) {
  const auto theirs = by_seed(others, number);
  Sample out;
  for (const auto& [seed, value] : by_seed(runs, number))
    if (const auto found = theirs.find(seed); found != theirs.end())
      out.push_back(value - found->second);
  return out;
}

Sample lower_by(const TokenRuns& runs, Number number) {
  return differences(runs_of(runs, "attention", SparseCue::label),
                     runs_of(runs, "mlp", SparseCue::label), number);
}
Sample rises_by(const TokenRuns& runs, Number number) {
  return differences(runs_of(runs, "attention", SparseCue::random),
                     runs_of(runs, "attention", SparseCue::label), number);
}

Claim fits_claim(const TokenRuns& runs) {
  Claim c{.id = "fits",
          .statement = "Attention and MLP fit without the sparse cue, too",
          .criterion = "every run of both without it reaches train accuracy 1; three seeds"};
  TokenRuns all = runs_of(runs, "attention", SparseCue::random);
  std::ranges::copy(runs_of(runs, "mlp", SparseCue::random), std::back_inserter(all));
  if (all.empty()) {
    c.reason = "no such run";
    return c;
  }
  const std::int64_t fit = std::ranges::count_if(all, &TrainedTokens::fits);
  std::set<std::uint64_t> seeds;
  for (const TrainedTokens& t : all) seeds.insert(t.of.seed);
  c.value = proportion(fit, std::ssize(all));
  c.value->n = std::ssize(seeds);
  if (seeds.size() < 3)
    c.reason = fmt::format("{} seeds where 3 are needed", seeds.size());
  else
    c.verdict = fit == std::ssize(all) ? Verdict::reproduced : Verdict::not_reproduced;
  return c;
}

Estimate mean_of(const TokenRuns& runs, Number number) {
  Sample values;
  for (const TrainedTokens& t : runs) values.push_back(number(t));
  return mean_over_units(values);
}

// Of the runs that fit: all of them may not.
Estimate mean_where_fit(const TokenRuns& runs, Number number) {
  Sample values;
  for (const auto& [seed, value] : by_seed(runs, number)) values.push_back(value);
  return values.empty() ? Estimate{.value = std::numeric_limits<double>::quiet_NaN(), .n = 0}
                        : mean_over_units(values);
}

Figure bars_of(const char* name, const char* title_of, const char* label, const TokenRuns& runs,
               Number number) {
  const std::vector<std::string> networks = networks_of(runs);
  Figure f(name, title_of, {.label = "network", .categories = networks},
           {.label = label, .from_zero = true});
  for (const SparseCue arm : arms) {
    std::vector<Estimate> means;
    for (const std::string& network : networks)
      means.push_back(mean_where_fit(runs_of(runs, network, arm), number));
    f.bars(title(arm), means);
  }
  return f;
}

void add_levels(Figure& f) {
  f.level("sparse rule, both cues", rule_sensitivity(sparse_rule(), world_of(SparseCue::label)));
  f.level("sparse rule, frequent cue alone",
          rule_sensitivity(sparse_rule(), world_of(SparseCue::random)));
  f.level("frequent rule", rule_sensitivity(frequent_rule(), world_of(SparseCue::label)));
}

}  // namespace

std::vector<Claim> token_claims(const TokenRuns& runs) {
  const char* unfit = "no seed at which both fit";
  return {judge_if("lower",
                   "With both cues attention is less sensitive than the MLP at train accuracy 1",
                   "S(attention) - S(mlp) on train strings has a 95 % interval over seeds below 0; "
                   "three seeds at which both fit",
                   mean_if_any(lower_by(runs, on_train)), Side::below, 0, unfit),
          fits_claim(runs),
          judge_if("rises", "Without the sparse cue attention is more sensitive",
                   "S(attention) on train strings without the sparse cue less that with it has a "
                   "95 % interval over seeds above 0; three seeds at which both fit",
                   mean_if_any(rises_by(runs, on_train)), Side::above, 0, unfit)};
}

std::vector<Metric> token_metrics(const TokenRuns& runs) {
  std::vector<Metric> out;
  for (const std::string& network : networks_of(runs))
    for (const SparseCue arm : arms) {
      const TokenRuns all = runs_of(runs, network, arm);
      if (all.empty()) continue;
      const auto add = [&](const char* name, const char* label, const Estimate& e) {
        out.push_back({fmt::format("{}.{}.{}", name, network, id(arm)),
                       *label == 0 ? "" : fmt::format("{}, {}, {}", label, network, title(arm)),
                       e});
      };
      add("sensitivity", "sensitivity on train strings", mean_where_fit(all, on_train));
      add("sensitivity_test", "sensitivity on unseen strings", mean_where_fit(all, on_test));
      add("sensitivity_start", "",
          mean_of(all, [](const TrainedTokens& t) { return t.at_start.value; }));
      add("test_accuracy", "",
          mean_of(all, [](const TrainedTokens& t) { return t.test_accuracy; }));
      add("follows_frequent", "share of conflicts decided by the frequent tokens",
          mean_where_fit(all, [](const TrainedTokens& t) { return t.follows_frequent; }));
    }
  if (const Sample d = lower_by(runs, on_test); !d.empty())
    out.push_back(
        {"lower.test", "attention less MLP on unseen strings, both cues", mean_over_units(d)});
  if (const Sample d = rises_by(runs, on_test); !d.empty())
    out.push_back({"rises.test", "attention on unseen strings, without the sparse cue less with it",
                   mean_over_units(d)});
  return out;
}

Table table_of(const TokenRuns& runs) {
  Table table{.columns = {"network", "arm", "seed", "parameters", "steps", "train_accuracy",
                          "test_accuracy", "sensitivity_at_start", "sensitivity_train",
                          "sensitivity_train_low", "sensitivity_train_high", "sensitivity_test",
                          "sensitivity_test_low", "sensitivity_test_high", "follows_frequent"}};
  for (const TrainedTokens& t : runs) {
    std::vector<std::string> row{t.of.network, id(t.of.cue), std::to_string(t.of.seed),
                                 std::to_string(t.parameters), std::to_string(t.steps)};
    const auto low = [](const Estimate& e) { return e.ci95.value_or(Interval{}).low; };
    const auto high = [](const Estimate& e) { return e.ci95.value_or(Interval{}).high; };
    for (const double v :
         {t.train_accuracy, t.test_accuracy, t.at_start.value, t.train.value, low(t.train),
          high(t.train), t.test.value, low(t.test), high(t.test), t.follows_frequent})
      row.push_back(csv_number(v));
    table.add(std::move(row));
  }
  return table;
}

std::vector<CaptionedFigure> token_figures(const TokenRuns& runs) {
  const std::string how =
      "Means over the seeds at which the network tells every train label, with 95 % intervals. ";
  Figure train =
             bars_of("sensitivity", "Sensitivity on train strings", "sensitivity", runs, on_train),
         test = bars_of("sensitivity_unseen", "Sensitivity on unseen strings", "sensitivity", runs,
                        on_test);
  const std::string levels =
      "The lines are the rules that the cues stand for, in closed form: the frequent tokens' "
      "majority never changes by one token.";
  add_levels(train);
  add_levels(test);
  Figure follows = bars_of("follows", "Which cue is followed where they disagree",
                           "share decided by the frequent tokens", runs,
                           [](const TrainedTokens& t) { return t.follows_frequent; });
  follows.level("as often", 0.5);
  return {{std::move(train), how + levels},
          {std::move(test), how + levels},
          {std::move(follows),
           how + "On strings whose sparse tokens are all of the other label; 1: the frequent "
                 "tokens' majority alone decides, 0: the sparse ones'."}};
}

std::string unfit_text(const TokenRuns& runs) {
  std::vector<std::string> parts;
  for (const std::string& network : networks_of(runs))
    for (const SparseCue arm : arms) {
      const TokenRuns all = runs_of(runs, network, arm);
      const std::int64_t fit = std::ranges::count_if(all, &TrainedTokens::fits);
      if (fit < std::ssize(all))
        parts.push_back(fmt::format("{}, {}: {} of {}", network, title(arm), std::ssize(all) - fit,
                                    all.size()));
    }
  return parts.empty() ? "none" : fmt::format("{}", fmt::join(parts, "; "));
}

}  // namespace sonde::experiments
