#include "experiments/hessian/growth_judge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace sonde::experiments {

void GrowthJudge::slope(std::int64_t layer, const std::string& block, const HessianPart& part,
                        double low, double high, double exponent, double tolerance) {
  const char* of = symbol(setting_.variable);
  claims.push_back(judge_within(
      fmt::format("{}-{}-{}-{}-slope-{}", setting_.id, layer, block, part.id, range_id(low, high)),
      fmt::format("{}, layer {}: {} of {} goes as {}^{:g}{}", setting_.name, layer, part.name,
                  block, of, exponent, range_name(low, high)),
      fmt::format("95 % interval over repeats of the slope of log norm by log {} within {:g} of "
                  "{:g}",
                  of, tolerance, exponent),
      growth_slope(points_, layer, block, part.part, low, high),
      {exponent - tolerance, exponent + tolerance}));
}

// Point values, as the authors' few repeats and vectors allow no finer comparison.
void GrowthJudge::near(std::int64_t layer, const std::string& block, const HessianPart& part,
                       double sigma, double published, double factor) {
  std::vector<double> logs;
  for (const Sample& s :
       series(points_, layer, block, part.part, sigma * (1 - 1e-9), sigma * (1 + 1e-9)))
    for (const double v : s) logs.push_back(std::log10(v / published));
  const Estimate e = mean_over_units(logs);
  const bool holds = std::abs(e.value) <= std::log10(factor);
  claims.push_back(
      {fmt::format("{}-{}-{}-{}-at-{:.3g}", setting_.id, layer, block, part.id, sigma),
       fmt::format("{}, layer {}: {} of {} is {:.3g} at sigma = {:.3g}, as published",
                   setting_.name, layer, part.name, block, published, sigma),
       fmt::format("mean over repeats of |log10 (norm / published)| <= log10 {:g}; norms are "
                   "estimates of 10 to 20 %",
                   factor),
       e,
       holds ? Verdict::reproduced : Verdict::not_reproduced,
       {}});
}

void GrowthJudge::none(std::int64_t layer, const std::string& block, double tolerance) {
  double greatest = 0;
  for (const GrowthPoint& p : points_)
    if (p.layer == layer && p.block == block) greatest = std::max(greatest, p.functional / p.whole);
  claims.push_back(
      check(fmt::format("{}-{}-{}-no-functional", setting_.id, layer, block),
            fmt::format("{}, layer {}: {} has no functional part", setting_.name, layer, block),
            fmt::format("|H_f| < {:g} |H| at every {}", tolerance, symbol(setting_.variable)),
            Estimate::exact(greatest, setting_.repeats), greatest < tolerance));
}

void GrowthJudge::exact_slope(std::int64_t layer, const std::string& block, double exponent,
                              double tolerance) {
  double greatest = 0;
  const Estimate e = growth_slope(points_, layer, block, &GrowthPoint::whole, 0, any_scale);
  for (const Sample& s : series(points_, layer, block, &GrowthPoint::whole, 0, any_scale))
    for (std::size_t i = 1; i < s.size(); ++i)
      greatest = std::max(greatest, std::abs(std::log(s[i] / s[i - 1]) /
                                                 std::log(setting_.x[i] / setting_.x[i - 1]) -
                                             exponent));
  claims.push_back(check(fmt::format("{}-{}-{}-exact-slope", setting_.id, layer, block),
                         fmt::format("{}, layer {}: H of {} is proportional to sigma^{:g}",
                                     setting_.name, layer, block, exponent),
                         fmt::format("every local slope within {:g} of {:g}", tolerance, exponent),
                         e, greatest < tolerance));
}

void GrowthJudge::finite() {
  std::int64_t bad = 0;
  for (const GrowthPoint& p : points_)
    bad += !(std::isfinite(p.whole) && p.whole > 0 && p.outer > 0);
  claims.push_back(check(setting_.id + "-finite",
                         setting_.name + ": no norm underflows to 0 or overflows",
                         "norms of H and H_o that are 0 or not finite = 0",
                         Estimate::exact(static_cast<double>(bad), setting_.repeats), bad == 0));
}

std::string GrowthJudge::range_id(double low, double high) const {
  if (setting_.variable != GrowthVariable::scale) return "all";
  return high <= small_scale ? "small" : low >= large_scale ? "large" : "all";
}
std::string GrowthJudge::range_name(double low, double high) const {
  if (setting_.variable != GrowthVariable::scale) return "";
  if (high <= small_scale) return fmt::format(" for sigma <= {:g}", high);
  return low >= large_scale ? fmt::format(" for sigma >= {:g}", low) : "";
}

}  // namespace sonde::experiments
