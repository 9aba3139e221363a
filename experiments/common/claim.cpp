#include "experiments/common/claim.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace sonde::experiments {

std::string_view to_string(Verdict v) {
  constexpr std::string_view names[] = {"reproduced", "not reproduced", "inconclusive", "pass",
                                        "fail"};
  return names[static_cast<int>(v)];
}

namespace {

bool of_a_paper(const Claim& c) {
  return c.verdict != Verdict::pass && c.verdict != Verdict::fail;
}

// Why a number cannot be judged by its interval.
std::string objection(const Estimate& value, int min_units) {
  if (value.n < min_units)
    return fmt::format("{} independent units where {} are needed", value.n, min_units);
  return value.ci95 ? "" : "no interval";
}

}  // namespace

Claim judge(std::string id, std::string statement, std::string criterion, const Estimate& value,
            Side side, double threshold, int min_units) {
  Claim claim{std::move(id), std::move(statement), std::move(criterion), value};
  claim.reason = objection(value, min_units);
  if (!claim.reason.empty()) return claim;
  if (const bool below = value.ci95->high < threshold; below || value.ci95->low > threshold) {
    claim.verdict = below == (side == Side::below) ? Verdict::reproduced : Verdict::not_reproduced;
  } else {  // a NaN ends here as well
    claim.reason = fmt::format("the interval holds {:g}", threshold);
  }
  return claim;
}

Claim judge_within(std::string id, std::string statement, std::string criterion,
                   const Estimate& value, Interval range, int min_units) {
  Claim claim{std::move(id), std::move(statement), std::move(criterion), value};
  claim.reason = objection(value, min_units);
  if (!claim.reason.empty()) return claim;
  if (value.ci95->low >= range.low && value.ci95->high <= range.high)
    claim.verdict = Verdict::reproduced;
  else if (value.ci95->high < range.low || value.ci95->low > range.high)
    claim.verdict = Verdict::not_reproduced;
  else  // a NaN ends here as well
    claim.reason =
        fmt::format("the interval lies partly within {:g} ... {:g}", range.low, range.high);
  return claim;
}

Verdict conjunction(const std::vector<Claim>& parts) {
  const auto is = [](Verdict v) { return [v](const Claim& c) { return c.verdict == v; }; };
  if (std::ranges::any_of(parts, is(Verdict::not_reproduced))) return Verdict::not_reproduced;
  if (!parts.empty() && std::ranges::all_of(parts, is(Verdict::reproduced)))
    return Verdict::reproduced;
  return Verdict::inconclusive;
}

Claim all_hold(std::string id, std::string statement, std::string criterion,
               const std::vector<Claim>& parts) {
  std::vector<Claim> judged;
  std::ranges::copy_if(parts, std::back_inserter(judged), of_a_paper);
  Claim claim = undecided(std::move(id), std::move(statement), std::move(criterion), "");
  claim.verdict = conjunction(judged);
  for (const Claim& part : judged)
    if (claim.reason.empty() && part.verdict == claim.verdict &&
        claim.verdict != Verdict::reproduced)
      claim.reason = part.id + (part.reason.empty() ? "" : ": " + part.reason);
  return claim;
}

Claim left_open(Claim claim, std::string reason) {
  if (!of_a_paper(claim)) return claim;
  claim.verdict = Verdict::inconclusive;
  claim.reason = std::move(reason);
  return claim;
}

Claim undecided(std::string id, std::string statement, std::string criterion, std::string reason) {
  return {std::move(id),         std::move(statement), std::move(criterion), {},
          Verdict::inconclusive, std::move(reason)};
}

Claim check(std::string id, std::string statement, std::string criterion, const Estimate& value,
            bool holds) {
  return {std::move(id), std::move(statement), std::move(criterion), value,
          holds ? Verdict::pass : Verdict::fail};
}

Json to_json(const Claim& claim) {
  Json json{{"id", claim.id},
            {"statement", claim.statement},
            {"criterion", claim.criterion},
            {"value", nullptr},
            {"ci95", nullptr},
            {"n", 0},
            {"m", 0},
            {"verdict", to_string(claim.verdict)}};
  if (claim.value) {
    const Json number = to_json(*claim.value);
    for (const char* field : {"value", "ci95", "n", "m"}) json[field] = number[field];
  }
  if (!claim.reason.empty()) json["reason"] = claim.reason;
  return json;
}

}  // namespace sonde::experiments
