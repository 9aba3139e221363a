/// @file
/// index.html: what all runs found, on one page without scripts.
#pragma once

#include <string>
#include <vector>

#include "experiments/page/collected.hpp"

namespace sonde::experiments {

/// The page: verdicts counted, papers, then for each experiment of each paper its claims, its
/// figures, and how it was made; what is not finished, with the line that makes it. Links lead to
/// the runs' folders beside the page. A pure function of its arguments.
std::string page_html(const std::vector<CollectedRun>& runs, SizeClass size);

/// Where in a paper a run's claims are from: what its program says behind the paper's reference,
/// such as "section 5.1, figures 1 and 5 to 8"; nothing if it says no more.
std::string place_in(const Paper& paper, const RunFacts& facts);
/// "seeds 1 to 6; 26 min 33 s with 2 threads; Sonde 0.1.0".
std::string made_text(const CollectedRun& run);
/// Whether the run was made with other options than the list's line, but for those that change
/// nothing of what it finds.
bool has_other_options(const CollectedRun& run);
/// The runs of one paper; of none for an empty key.
std::vector<const CollectedRun*> runs_of_paper(const std::vector<CollectedRun>& runs,
                                               const std::string& key);

}  // namespace sonde::experiments
