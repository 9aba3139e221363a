/// @file
/// The table of claims as Markdown, and its place in a page.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "experiments/page/collected.hpp"

namespace sonde::experiments {

/// For each paper and each of its experiments the line that makes its run in its folder below
/// out/report, and a row a claim.
std::string claims_markdown(const std::vector<CollectedRun>& runs);

/// `page` with what lies between the lines `<!-- claims -->` and `<!-- end -->` replaced;
/// Error(format) naming `what` if it does not have both, once, in this order.
std::string with_claims(std::string_view page, std::string_view claims, const std::string& what);

}  // namespace sonde::experiments
