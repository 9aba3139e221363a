#include "experiments/vision/claims.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sonde::experiments {
namespace {

constexpr std::string_view interval_rule =
    "95 % interval of the paired difference over at least 3 repetitions: Student's t over their "
    "means with fewer than 30, the two-level bootstrap (repetitions, then images) from 30 on";

template <class T>
bool contains(const std::vector<T>& all, const T& x) {
  return std::ranges::find(all, x) != all.end();
}

std::vector<double> judged_sigmas(const StudyOptions& o) {
  std::vector<double> sigmas;
  for (const double sigma : o.criterion.sigmas)
    if (contains(o.sigmas, sigma)) sigmas.push_back(sigma);
  return sigmas.empty() ? o.sigmas : sigmas;
}

// In a demonstration nothing is concluded about the paper.
Claim by_rule(Claim claim, const StudyOptions& o) {
  return o.demo ? left_open(std::move(claim), "--quick is a demonstration") : claim;
}

struct Against {
  std::string other;
  std::string stage;
  double sigma;
};

// S(model) - S(other) against 0; the paper's claim if `claimed` is below.
Claim pair_claim(const std::vector<Measurement>& all, const StudyOptions& o, const Against& c,
                 std::string id, std::string statement, std::string criterion, Side claimed) {
  const std::string& model = o.criterion.model;
  const auto difference = paired_difference(all, model, c.other, c.stage, c.sigma, o.seed);
  if (!difference)
    return undecided(
        std::move(id), std::move(statement), std::move(criterion),
        fmt::format("no repetition in which both {} and {} were measured", model, c.other));
  return judge(std::move(id), std::move(statement), std::move(criterion), difference->decisive(),
               claimed);
}

Claim below_claim(const std::vector<Measurement>& all, const StudyOptions& o, const Against& c) {
  const std::string& model = o.criterion.model;
  return by_rule(
      pair_claim(all, o, c,
                 fmt::format("{}-below-{}-at-{}-sigma-{}", model, c.other, c.stage, c.sigma),
                 fmt::format("{} is less sensitive than {} at train accuracy {}, noise σ = {}",
                             model, c.other, c.stage, c.sigma),
                 fmt::format("S({}) - S({}) < 0, patch noise on train images: {}", model, c.other,
                             interval_rule),
                 Side::below),
      o);
}

// The difference that is worst for the claim.
std::optional<Estimate> worst(const std::vector<Claim>& parts) {
  std::optional<Estimate> out;
  for (const Claim& c : parts)
    if (c.value && (!out || c.value->value > out->value)) out = c.value;
  return out;
}

std::string missing(const StudyOptions& o) {
  std::vector<std::string> absent;
  for (const std::string& name : o.criterion.others)
    if (!contains(o.models, name)) absent.push_back(name);
  if (!contains(o.models, o.criterion.model)) absent.push_back(o.criterion.model);
  for (const double a : o.criterion.accuracies)
    if (!contains(o.accuracies, a)) absent.push_back("accuracy " + stage_name(a));
  for (const double s : o.criterion.sigmas)
    if (!contains(o.sigmas, s)) absent.push_back(fmt::format("σ = {}", s));
  return fmt::format("{}", fmt::join(absent, ", "));
}

std::string undecided_parts(const std::vector<Claim>& parts) {
  const auto count = std::ranges::count(parts, Verdict::inconclusive, &Claim::verdict);
  return fmt::format("{} of {} comparisons are inconclusive", count, parts.size());
}

// For one sigma: below each of the others at every accuracy.
Claim claim_at_sigma(const StudyOptions& o, double sigma, const std::vector<Claim>& parts) {
  const Criterion& c = o.criterion;
  Claim claim = undecided(
      fmt::format("{}-lowest-sigma-{}", c.model, sigma),
      fmt::format("{} is the least sensitive at equal train accuracy, noise σ = {}", c.model,
                  sigma),
      fmt::format("S({}) < min S({}) at every train accuracy compared: each comparison reproduced; "
                  "the largest difference is shown",
                  c.model, fmt::join(c.others, ", ")),
      "");
  claim.value = worst(parts);
  claim.verdict = conjunction(parts);
  if (const std::string absent = missing(o); !absent.empty()) {
    claim.verdict = Verdict::inconclusive;
    claim.reason = "not measured: " + absent;
  } else if (claim.verdict == Verdict::inconclusive) {
    claim.reason = undecided_parts(parts);
  }
  return by_rule(std::move(claim), o);
}

Claim whole_claim(const StudyOptions& o, const std::vector<Claim>& by_sigma) {
  const Criterion& c = o.criterion;
  std::vector<std::string> accuracies;
  for (const double a : c.accuracies) accuracies.push_back(stage_name(a));
  Claim claim = undecided(
      fmt::format("{}-lowest", c.model), "Transformers are less sensitive than other networks",
      fmt::format("S({}) < min S({}) at train accuracies {} for both σ = {}; for one σ alone it is "
                  "partial and reported as such",
                  c.model, fmt::join(c.others, ", "), fmt::join(accuracies, ", "),
                  fmt::join(c.sigmas, " and ")),
      "");
  claim.value = worst(by_sigma);
  claim.verdict = conjunction(by_sigma);
  const auto held = std::ranges::find(by_sigma, Verdict::reproduced, &Claim::verdict);
  if (claim.verdict != Verdict::reproduced && held != by_sigma.end())
    claim.reason = "partial: " + held->id + " is reproduced, the other is not";
  else if (claim.verdict == Verdict::inconclusive)
    for (const Claim& part : by_sigma)
      if (part.verdict == Verdict::inconclusive) claim.reason = part.reason;
  return by_rule(std::move(claim), o);
}

}  // namespace

std::optional<Intervals> paired_difference(const std::vector<Measurement>& all,
                                           std::string_view model, std::string_view other,
                                           std::string_view stage, double sigma,
                                           std::uint64_t seed) {
  std::vector<Sample> units;
  for (const Measurement* a : select(all, model, stage, "patch", "train", sigma))
    for (const Measurement* b : select(all, other, stage, "patch", "train", sigma)) {
      if (a->repetition != b->repetition || a->by_input.size() != b->by_input.size()) continue;
      Sample difference;
      for (std::size_t i = 0; i < a->by_input.size(); ++i)
        difference.push_back(a->by_input[i] - b->by_input[i]);
      units.push_back(std::move(difference));
    }
  return intervals(units, seed);
}

std::vector<double> judged_accuracies(const StudyOptions& o) {
  std::vector<double> accuracies;
  for (const double a : o.criterion.accuracies)
    if (contains(o.accuracies, a)) accuracies.push_back(a);
  return accuracies.empty() ? o.accuracies : accuracies;
}

std::vector<Claim> comparison_claims(const std::vector<Measurement>& all, const StudyOptions& o) {
  std::vector<Claim> by_sigma, pairs;
  for (const double sigma : judged_sigmas(o)) {
    std::vector<Claim> parts;
    for (const std::string& other : o.criterion.others)
      for (const double accuracy : judged_accuracies(o))
        if (contains(o.models, other) && contains(o.models, o.criterion.model))
          parts.push_back(below_claim(all, o, {other, stage_name(accuracy), sigma}));
    by_sigma.push_back(claim_at_sigma(o, sigma, parts));
    std::ranges::move(parts, std::back_inserter(pairs));
  }
  std::vector<Claim> claims{whole_claim(o, by_sigma)};
  std::ranges::move(by_sigma, std::back_inserter(claims));
  std::ranges::move(pairs, std::back_inserter(claims));
  return claims;
}

std::vector<Claim> control_claims(const std::vector<Measurement>& all, const StudyOptions& o) {
  std::vector<Claim> claims;
  const std::string& model = o.criterion.model;
  for (const double sigma : judged_sigmas(o))
    for (const std::string& other : o.criterion.others)
      if (contains(o.models, other) && contains(o.models, model))
        claims.push_back(by_rule(
            pair_claim(
                all, o, {other, "init", sigma},
                fmt::format("untrained-{}-not-below-{}-sigma-{}", model, other, sigma),
                fmt::format("Negative control: untrained, {} is not less sensitive than {}, "
                            "noise σ = {}",
                            model, other, sigma),
                fmt::format("S({}) - S({}) > 0 before training: {}", model, other, interval_rule),
                Side::above),
            o));
  return claims;
}

}  // namespace sonde::experiments
