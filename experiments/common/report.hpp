/// @file
/// report.html: one self-contained page without scripts, readable on a phone, on a desk, in print
/// and in the dark.
#pragma once

#include <string>

#include "experiments/common/json.hpp"
#include "experiments/common/results.hpp"
#include "experiments/common/settings.hpp"

namespace sonde::experiments {

/// The page: what was asked, the verdicts, the numbers, the figures (each with its CSV), how to
/// read them, all measurements, the settings and where it all came from. A pure function of its
/// arguments. `settings` is the object of all resolved settings; a quick run is named as such.
std::string report_html(const About& about, const RunFacts& facts, const Json& settings,
                        const Results& results);

}  // namespace sonde::experiments
