#include "experiments/common/claim.hpp"

#include <fmt/format.h>

namespace sonde::experiments {

std::string_view to_string(Verdict v) {
  constexpr std::string_view names[] = {"reproduced", "not reproduced", "inconclusive", "pass",
                                        "fail"};
  return names[static_cast<int>(v)];
}

Claim judge(std::string id, std::string statement, std::string criterion, const Estimate& value,
            Side side, double threshold, int min_units) {
  Claim claim{std::move(id), std::move(statement), std::move(criterion), value};
  if (value.n < min_units) {
    claim.reason = fmt::format("{} independent units where {} are needed", value.n, min_units);
  } else if (!value.ci95) {
    claim.reason = "no interval";
  } else if (const bool below = value.ci95->high < threshold;
             below || value.ci95->low > threshold) {
    claim.verdict = below == (side == Side::below) ? Verdict::reproduced : Verdict::not_reproduced;
  } else {  // a NaN ends here as well
    claim.reason = fmt::format("the interval holds {:g}", threshold);
  }
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
