#include "experiments/boolean/generalization_claims.hpp"

#include <fmt/format.h>

#include <cmath>
#include <map>

#include "analysis/association.hpp"
#include "analysis/statistics.hpp"
#include "experiments/common/criteria.hpp"

namespace sonde::experiments {
namespace {

using Learnts = std::vector<const Learnt*>;

Learnts fitting(const Generalization& g, std::int64_t size) {
  Learnts out;
  for (const Learnt& l : g.parts)
    if (l.fits && l.part.size == size) out.push_back(&l);
  return out;
}

// Means by seed.
using BySeed = std::map<std::uint64_t, double>;
BySeed means_of(const std::map<std::uint64_t, Sample>& values) {
  BySeed out;
  for (const auto& [seed, sample] : values) out[seed] = mean(sample);
  return out;
}

BySeed by_seed(const Learnts& parts, double (*value)(const Learnt&)) {
  std::map<std::uint64_t, Sample> values;
  for (const Learnt* l : parts) values[l->part.seed].push_back(value(*l));
  return means_of(values);
}

Sample values_of(const BySeed& means) {
  Sample out;
  for (const auto& [seed, value] : means) out.push_back(value);
  return out;
}

double gap_of(const Learnt& l) {
  return l.random.sensitivity - l.learnt.sensitivity;
}
double sensitivity_of(const Learnt& l) {
  return l.learnt.sensitivity;
}

Claim less_claim(const Generalization& g, std::int64_t size, const GeneralizationCriterion& c) {
  Claim claim = undecided(
      fmt::format("less_{}", size),
      fmt::format("What is learnt of {} strings is less sensitive than random completions", size),
      fmt::format(
          "the share of pairs in which it is, the sample's own, is at least {:g}, and its 95 % "
          "interval (Wilson's, over pairs) lies above {:g}, that of pairs that are alike; not "
          "reproduced if the interval lies below {:g}; three seeds. (That the interval lies above "
          "{:g} would take 73 pairs without exception.)",
          c.share, c.chance, c.share, c.share),
      "no network fits its part");
  const Learnts parts = fitting(g, size);
  if (parts.empty()) return claim;
  std::int64_t less = 0;
  for (const Learnt* l : parts) less += gap_of(*l) > 0;
  Estimate share = proportion(less, static_cast<std::int64_t>(parts.size()));
  share.n = static_cast<std::int64_t>(by_seed(parts, gap_of).size());
  claim.value = share;
  claim.reason = "";
  if (share.n < 3)
    claim.reason = fmt::format("{} seeds where 3 are needed", share.n);
  else if (share.ci95->high < c.share)
    claim.verdict = Verdict::not_reproduced;
  else if (share.value >= c.share && share.ci95->low > c.chance)
    claim.verdict = Verdict::reproduced;
  else
    claim.reason = share.value >= c.share
                       ? fmt::format("the interval holds {:g}", c.chance)
                       : fmt::format("the share is below {0:g}, the interval holds {0:g}", c.share);
  return claim;
}

Claim gap_claim(const Generalization& g, std::int64_t size, double gap) {
  return judge_if(
      fmt::format("gap_{}", size),
      fmt::format("What is learnt of {} strings is much less sensitive than random completions",
                  size),
      fmt::format("the completion's average sensitivity less that of the function learnt has a "
                  "95 % interval over seeds above {:g}",
                  gap),
      mean_if_any(values_of(by_seed(fitting(g, size), gap_of))), Side::above, gap,
      "no network fits its part");
}

Claim grows_claim(const Generalization& g, std::int64_t fewer, std::int64_t more) {
  const BySeed a = by_seed(fitting(g, fewer), sensitivity_of),
               b = by_seed(fitting(g, more), sensitivity_of);
  Sample differences;
  for (const auto& [seed, value] : b)
    if (const auto other = a.find(seed); other != a.end())
      differences.push_back(value - other->second);
  return judge_if(fmt::format("grows_{}_{}", fewer, more),
                  fmt::format("What is learnt of {} strings is less sensitive than what is learnt "
                              "of {}",
                              fewer, more),
                  "the difference, paired by function, has a 95 % interval over seeds above 0",
                  mean_if_any(differences), Side::above, 0,
                  "no function of which parts of both sizes are fitted");
}

double sharpness(const Fit& f) {
  return f.everywhere.label_sharpness.value;
}

// A function that networks are fitted to: seed, size, subset, kind.
using FunctionId = std::tuple<std::uint64_t, std::int64_t, std::int64_t, std::string>;
FunctionId function_of(const Fit& f) {
  return {f.of.part.seed, f.of.part.size, f.of.part.subset, f.of.kind};
}

struct FittedFunction {
  double sensitivity = 0;
  Sample numbers{};  // of its kept fits
};
std::map<FunctionId, FittedFunction> functions_of(const Generalization& g,
                                                  const FitNumber& number) {
  std::map<FunctionId, FittedFunction> out;
  for (const Fit& f : g.fits)
    if (converged(f)) {
      FittedFunction& function = out[function_of(f)];
      function.sensitivity = f.sensitivity;
      function.numbers.push_back(number(f));
    }
  return out;
}

// Spearman's correlation of points without those of one seed; nothing where there is none.
struct Point {
  std::uint64_t seed;
  double x, y;
};
std::optional<double> correlation(const std::vector<Point>& points,
                                  std::optional<std::uint64_t> without = {}) {
  Sample x, y;
  for (const Point& p : points)
    if (p.seed != without) {
      x.push_back(p.x);
      y.push_back(p.y);
    }
  const auto same = [](const Sample& s) {
    return std::ranges::all_of(s, [&](double v) { return v == s[0]; });
  };
  if (x.size() < 3 || same(x) || same(y)) return {};
  return spearman(x, y).statistic;
}

double fisher_z(double rho) {
  constexpr double greatest = 1 - 1e-12;  // of which z is finite
  return std::atanh(std::clamp(rho, -greatest, greatest));
}

}  // namespace

std::optional<Estimate> rank_association(const Generalization& g, const FitNumber& number,
                                         const std::string& kind) {
  std::vector<Point> points;
  std::map<std::uint64_t, double> seeds;
  for (const auto& [id, function] : functions_of(g, number))
    if (kind.empty() || std::get<3>(id) == kind) {
      points.push_back({std::get<0>(id), function.sensitivity, mean(function.numbers)});
      seeds[std::get<0>(id)] = 0;
    }
  const auto whole = correlation(points);
  if (!whole) return {};
  Sample without;
  for (const auto& [seed, unused] : seeds) {
    const auto rho = correlation(points, seed);
    if (!rho) return {};
    without.push_back(fisher_z(*rho));
  }
  Estimate e = jackknife(fisher_z(*whole), without);
  e.value = *whole;
  e.std_error.reset();  // that of z
  if (e.ci95) e.ci95 = Interval{std::tanh(e.ci95->low), std::tanh(e.ci95->high)};
  e.m = static_cast<std::int64_t>(points.size());
  return e;
}

std::optional<Estimate> excess(const Generalization& g, const FitNumber& number) {
  const auto functions = functions_of(g, number);
  std::map<std::uint64_t, Sample> differences;
  std::int64_t pairs = 0;
  for (const auto& [id, learnt] : functions) {
    const auto& [seed, size, subset, kind] = id;
    const auto random = functions.find({seed, size, subset, "random"});
    if (kind != "learnt" || random == functions.end()) continue;
    differences[seed].push_back(mean(random->second.numbers) - mean(learnt.numbers));
    ++pairs;
  }
  auto e = mean_if_any(values_of(means_of(differences)));
  if (e) e->m = pairs;
  return e;
}

std::vector<Claim> generalization_claims(const Generalization& g,
                                         const std::vector<std::int64_t>& sizes,
                                         const GeneralizationCriterion& c) {
  std::vector<Claim> out;
  for (const std::int64_t size : sizes) out.push_back(less_claim(g, size, c));
  for (const std::int64_t size : sizes) out.push_back(gap_claim(g, size, c.gap));
  for (std::size_t i = 1; i < sizes.size(); ++i)
    out.push_back(grows_claim(g, sizes[i - 1], sizes[i]));
  out.push_back(judge_if(
      "association", "Sensitive functions have sharp minima",
      fmt::format("Spearman's correlation of a function's average sensitivity and the mean "
                  "sharpness of its kept fits, over functions learnt and completions, has a "
                  "95 % interval above {:g}: a jackknife over seeds of Fisher's z, with "
                  "Student's t",
                  c.correlation),
      rank_association(g, sharpness), Side::above, c.correlation,
      "too few functions with kept fits"));
  out.push_back(judge_if(
      "sharper", "Random completions have sharper minima than what is learnt",
      "the sharpness of fits to a completion less that of fits to the function learnt of "
      "the same part, mean over kept fits and over parts of a seed, has a 95 % interval "
      "over seeds above 0",
      excess(g, sharpness), Side::above, 0, "no part of which both functions have kept fits"));
  return out;
}

}  // namespace sonde::experiments
