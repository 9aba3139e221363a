/// @file
/// Claims: what a paper says or what must hold, and the verdict of the measurement.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/estimate.hpp"
#include "experiments/common/json.hpp"

namespace sonde::experiments {

/// The first three judge what a paper claims, the last two what must hold exactly.
enum class Verdict { reproduced, not_reproduced, inconclusive, pass, fail };
inline constexpr int verdicts = 5;
/// Whether it judges what a paper claims.
constexpr bool of_a_paper(Verdict v) {
  return v != Verdict::pass && v != Verdict::fail;
}
std::string_view to_string(Verdict v);

/// One line of the table of claims.
struct Claim {
  std::string id, statement, criterion;
  std::optional<Estimate> value{};  ///< the number the criterion speaks of, if it could be measured
  Verdict verdict = Verdict::inconclusive;
  std::string reason{};  ///< why nothing could be concluded
};

/// What the paper says about a number.
enum class Side { below, above };

/// `reproduced` if the whole 95 % interval lies on the claimed side of `threshold`, `not
/// reproduced` if it lies on the other, `inconclusive` (with the reason) if it holds the threshold,
/// if there is none, or if it rests on fewer than `min_units` independent units.
Claim judge(std::string id, std::string statement, std::string criterion, const Estimate& value,
            Side side, double threshold = 0, int min_units = 3);

/// What the paper says is that a number lies in [low, high]: `reproduced` if the whole 95 %
/// interval does, `not reproduced` if none of it does, `inconclusive` otherwise and as in judge().
Claim judge_within(std::string id, std::string statement, std::string criterion,
                   const Estimate& value, Interval range, int min_units = 3);

/// A claim for which there is no number.
Claim undecided(std::string id, std::string statement, std::string criterion, std::string reason);

/// That all of several claims hold: one that is not reproduced decides; `inconclusive`, with the
/// first one's reason, unless all are reproduced. What must hold exactly is left out.
Claim all_hold(std::string id, std::string statement, std::string criterion,
               const std::vector<Claim>& parts);
/// The verdict on claims of the same kind as all_hold() has it.
Verdict conjunction(const std::vector<Claim>& parts);

/// The claim of a run that decides nothing about the paper; what must hold exactly stays.
Claim left_open(Claim claim, std::string reason);

/// What must hold exactly.
Claim check(std::string id, std::string statement, std::string criterion, const Estimate& value,
            bool holds);

/// {"id", "statement", "criterion", "value", "ci95", "n", "m", "verdict"}, and "reason" if there is
/// one.
Json to_json(const Claim& claim);
/// The inverse, but for the standard error, which claims do not write: an interval without a width
/// is taken for an exact number. Error(format) if a field is missing, of the wrong type, or no
/// verdict.
Claim claim_from_json(const Json& json);

}  // namespace sonde::experiments
