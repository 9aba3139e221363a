/// @file
/// JSON in and out: strict reading of what others may have written, and Estimates as objects.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "analysis/estimate.hpp"

namespace sonde::experiments {

using Json = nlohmann::ordered_json;

/// Reads one JSON value. Error(format) naming `what` on bad syntax, on a repeated key (which the
/// library alone would drop without a word), and on more than 64 levels.
Json parse_json(std::string_view text, std::string_view what);

/// {"value", "std_error", "ci95": [low, high], "n", "m", "seed"}; what an estimate does not have is
/// null.
Json to_json(const Estimate& e);
/// The inverse of to_json; Error(format) if a field is missing or of the wrong type.
Estimate estimate_from_json(const Json& json);

}  // namespace sonde::experiments
