/// @file
/// report.html: one self-contained page without scripts, readable on a phone, on a desk and in
/// print.
#pragma once

#include <string>

#include "experiments/common/json.hpp"
#include "experiments/common/results.hpp"
#include "experiments/common/settings.hpp"

namespace sonde::experiments {

/// The page; a pure function of its arguments. `settings` is the object of all resolved settings.
std::string report_html(const About& about, const RunFacts& facts, const Json& settings,
                        const Results& results);

/// Base64 of `bytes` (RFC 4648, with padding).
std::string base64(std::string_view bytes);

}  // namespace sonde::experiments
