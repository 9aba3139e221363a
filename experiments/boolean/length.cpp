#include "experiments/boolean/length.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "analysis/statistics.hpp"
#include "experiments/common/criteria.hpp"

namespace sonde::experiments {
namespace {

const std::string parity = "parity";

// At the beginning of a sentence.
std::string title_of(LengthSetup setup) {
  switch (setup) {
    case LengthSetup::language_model:
      return "Language model";
    case LengthSetup::scratchpad:
      return "Scratchpad";
    case LengthSetup::encoder:
      break;
  }
  return "Encoder";
}

std::string capitals(std::string target) {
  std::ranges::transform(target, target.begin(), [](unsigned char c) { return std::toupper(c); });
  return target;
}

std::vector<LengthRun> runs_of(const std::vector<LengthRun>& runs, LengthSetup setup,
                               const std::string& target) {
  std::vector<LengthRun> out;
  std::ranges::copy_if(runs, std::back_inserter(out), [&](const LengthRun& r) {
    return r.of.recipe.setup == setup && r.of.target == target;
  });
  return out;
}

// Set-ups and targets in the order in which they first occur.
std::vector<std::pair<LengthSetup, std::string>> kinds_of(const std::vector<LengthRun>& runs) {
  std::vector<std::pair<LengthSetup, std::string>> out;
  for (const LengthRun& r : runs)
    if (const std::pair kind{r.of.recipe.setup, r.of.target};
        std::ranges::find(out, kind) == out.end())
      out.push_back(kind);
  return out;
}

Claim fits_claim(const LengthRecipe& r, const std::string& target,
                 const std::vector<LengthRun>& runs, const LengthCriterion& c) {
  Sample by_seed;
  for (const LengthRun& run : runs_of(runs, r.setup, target))
    by_seed.push_back(run.in_distribution());
  return judge_if(
      name_of(r.setup) + "-" + target + "-fits",
      fmt::format("{}: {} of {} to {} bits is learnt", title_of(r.setup), capitals(target),
                  r.shortest, r.longest),
      fmt::format("mean accuracy on these lengths has a 95 % interval over seeds above {:g}",
                  c.fits),
      mean_if_any(by_seed), Side::above, c.fits, "no run");
}

Claim longer_claim(const LengthRecipe& r, const std::string& target,
                   const std::vector<LengthRun>& runs, const LengthCriterion& c) {
  const std::int64_t n = c.times * r.longest;
  Sample by_seed;
  for (const LengthRun& run : fitted(runs, r.setup, target, c)) {
    const auto at = run.accuracy.find(n);
    if (at != run.accuracy.end()) by_seed.push_back(at->second);
  }
  const bool fails = target == parity;
  return judge_if(
      name_of(r.setup) + "-" + target,
      fmt::format("{}: {} {} to {} bits", title_of(r.setup), capitals(target),
                  fails ? "does not generalise" : "generalises", n),
      fmt::format("accuracy at {} bits, of the runs whose mean accuracy on {} to {} bits "
                  "is {:g} or more, has a 95 % interval over seeds {} {:g}; three seeds",
                  n, r.shortest, r.longest, c.fits, fails ? "below" : "above",
                  fails ? c.parity : c.others),
      mean_if_any(by_seed), fails ? Side::below : Side::above, fails ? c.parity : c.others,
      "no run has learnt it");
}

}  // namespace

std::vector<Claim> length_claims(const std::vector<LengthRecipe>& recipes,
                                 const std::vector<std::string>& targets,
                                 const std::vector<LengthRun>& runs, const LengthCriterion& c) {
  std::vector<Claim> out;
  for (const LengthRecipe& r : recipes) {
    if (r.setup == LengthSetup::scratchpad) continue;
    for (const std::string& target : targets) {
      out.push_back(fits_claim(r, target, runs, c));
      out.push_back(longer_claim(r, target, runs, c));
    }
  }
  return out;
}

std::vector<LengthRun> fitted(const std::vector<LengthRun>& runs, LengthSetup setup,
                              const std::string& target, const LengthCriterion& c) {
  std::vector<LengthRun> out;
  for (LengthRun& run : runs_of(runs, setup, target))
    if (run.in_distribution() >= c.fits) out.push_back(std::move(run));
  return out;
}

std::string unfitted_text(const std::vector<LengthRun>& runs, const LengthCriterion& c) {
  std::vector<std::string> parts;
  for (const auto& [setup, target] : kinds_of(runs)) {
    const std::size_t all = runs_of(runs, setup, target).size(),
                      kept = fitted(runs, setup, target, c).size();
    if (kept < all)
      parts.push_back(fmt::format("{}, {}: {} of {}", name_of(setup), target, all - kept, all));
  }
  return parts.empty() ? "none" : fmt::format("{}", fmt::join(parts, "; "));
}

Table table_of(const std::vector<LengthRun>& runs) {
  Table table{.columns = {"setup", "target", "seed", "steps", "learnt", "length", "accuracy"}};
  for (const LengthRun& run : runs)
    for (const auto& [n, share] : run.accuracy)
      table.add({name_of(run.of.recipe.setup), run.of.target, std::to_string(run.of.seed),
                 std::to_string(run.of.recipe.steps), csv_number(run.in_distribution()),
                 std::to_string(n), csv_number(share)});
  return table;
}

Figure accuracy_figure(const LengthRecipe& recipe, const std::vector<LengthRun>& runs,
                       const LengthCriterion& c) {
  Figure f(name_of(recipe.setup), title_of(recipe.setup), {.label = "bits"},
           {.label = "share of right answers"});
  f.colour_order({"parity", "majority", "first"});
  for (const auto& [setup, target] : kinds_of(runs)) {
    if (setup != recipe.setup) continue;
    std::map<std::int64_t, Sample> by_length;
    for (const LengthRun& run : fitted(runs, setup, target, c))
      for (const auto& [n, share] : run.accuracy) by_length[n].push_back(share);
    std::vector<double> x, middle;
    std::vector<Estimate> means;
    for (const auto& [n, shares] : by_length) {
      x.push_back(static_cast<double>(n));
      means.push_back(mean_over_units(shares));
      middle.push_back(means.back().value);
    }
    if (x.empty()) continue;
    f.line(target, x, middle);
    f.estimates(target, x, means);
  }
  f.upright("longest trained on", static_cast<double>(recipe.longest));
  f.level("guessing", 0.5);
  return f;
}

}  // namespace sonde::experiments
