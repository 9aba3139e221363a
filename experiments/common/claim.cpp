#include "experiments/common/claim.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>

namespace sonde::experiments {

std::string_view to_string(Verdict v) {
  constexpr std::string_view names[] = {"reproduced", "not reproduced", "inconclusive", "pass",
                                        "fail"};
  return names[static_cast<int>(v)];
}

namespace {

bool judges_a_paper(const Claim& c) {
  return of_a_paper(c.verdict);
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
  std::ranges::copy_if(parts, std::back_inserter(judged), judges_a_paper);
  Claim claim = undecided(std::move(id), std::move(statement), std::move(criterion), "");
  claim.verdict = conjunction(judged);
  for (const Claim& part : judged)
    if (claim.reason.empty() && part.verdict == claim.verdict &&
        claim.verdict != Verdict::reproduced)
      claim.reason = part.id + (part.reason.empty() ? "" : ": " + part.reason);
  return claim;
}

Claim left_open(Claim claim, std::string reason) {
  if (!judges_a_paper(claim)) return claim;
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

namespace {

Verdict verdict_of(const std::string& text) {
  for (int i = 0; i < verdicts; ++i)
    if (const auto v = static_cast<Verdict>(i); to_string(v) == text) return v;
  fail(ErrorCode::format, "json", "{} is no verdict", Json(text).dump());
}

// A number that is none, or infinite, is written as null.
double number_or_nan(const Json& json) {
  return json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
}

std::optional<Estimate> value_of(const Json& claim) {
  if (claim.at("value").is_null() && integer_at<std::int64_t>(claim, "n") == 0) return {};
  Estimate e{.value = number_or_nan(claim.at("value")),
             .n = integer_at<std::int64_t>(claim, "n"),
             .m = integer_at<std::int64_t>(claim, "m")};
  if (const Json& ci = claim.at("ci95"); !ci.is_null()) {
    e.ci95 = Interval{number_or_nan(ci.at(0)), number_or_nan(ci.at(1))};
    if (e.ci95->low == e.ci95->high) e.std_error = 0;
  }
  return e;
}

}  // namespace

Claim claim_from_json(const Json& json) {
  try {
    return {.id = json.at("id").get<std::string>(),
            .statement = json.at("statement").get<std::string>(),
            .criterion = json.at("criterion").get<std::string>(),
            .value = value_of(json),
            .verdict = verdict_of(json.at("verdict").get<std::string>()),
            .reason = json.value("reason", "")};
  } catch (const Json::exception& e) {
    fail(ErrorCode::format, "json", "not a claim: {}", e.what());
  }
}

}  // namespace sonde::experiments
