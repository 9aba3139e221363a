/// @file
/// Pieces of HTML that pages about runs are made of, in the classes of report_style. Each is a pure
/// function of its arguments, and escapes what it is given.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/common/claim.hpp"
#include "experiments/common/json.hpp"
#include "experiments/common/results.hpp"

namespace sonde::experiments {

/// Everything before the contents of a page without scripts, down to `<main>`; `more` is CSS beside
/// report_style.
std::string page_begin(std::string_view title, std::string_view more = "");
/// Everything behind them.
std::string page_end();

/// Without an error, as what is enumerated; not a sample whose interval is wider than its error.
bool is_exact(const Estimate& e);
/// "95 % interval 0.1 to 0.3", "exact", ...
std::string interval_text(const Estimate& e);
/// "n = 3, m = 500".
std::string units_text(const Estimate& e);

/// A verdict in its colour.
std::string verdict_badge(Verdict v, std::string_view before = "");
/// How many claims have which verdict, as badges; nothing without claims.
std::string verdict_badges(const std::vector<Claim>& claims);

/// A table with a row a claim; `beside` gives what stands below its statement, as HTML.
std::string claims_table(const std::vector<Claim>& claims,
                         const std::function<std::string(const Claim&)>& beside);

/// An entry of a list of class `pairs`: a name and its value.
std::string definition(std::string_view name, std::string_view value);
/// Entries for all settings that are not empty and not false.
std::string setting_pairs(const Json& settings);
/// Entries for build and machine.
std::string build_pairs(const RunFacts& facts);

}  // namespace sonde::experiments
