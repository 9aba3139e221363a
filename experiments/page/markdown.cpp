#include "experiments/page/markdown.hpp"

#include <fmt/format.h>

#include "experiments/common/page_parts.hpp"
#include "experiments/common/svg.hpp"
#include "experiments/page/page.hpp"

namespace sonde::experiments {
namespace {

// A cell of a table: no bar, no line break, nothing that would be taken for markup.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("|\\`*_<>[]#").find(c) != std::string_view::npos) out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string measured(const Claim& c) {
  if (!c.value) return "none";
  std::string out = number_label(c.value->value, 3);
  if (is_exact(*c.value))
    out += " exact";
  else if (const auto& ci = c.value->ci95)
    out += fmt::format(" [{}, {}]", number_label(ci->low, 3), number_label(ci->high, 3));
  out += fmt::format("; n = {}", c.value->n);
  return out + (c.value->m > 1 ? fmt::format(", m = {}", c.value->m) : "");
}

std::string rows(const CollectedRun& run) {
  std::string out = "\n| claim | criterion | measured | verdict |\n| --- | --- | --- | --- |\n";
  for (const Claim& c : run.claims)
    out += fmt::format("| {} | {} | {} | {}{} |\n", cell(c.statement), cell(c.criterion),
                       cell(measured(c)), to_string(c.verdict),
                       c.reason.empty() ? "" : ": " + cell(c.reason));
  return out;
}

std::string experiment_markdown(const CollectedRun& run, const std::string& place) {
  constexpr SizeClass size = SizeClass::standard;
  std::string out = fmt::format("\n### {}\n\n```\n{}\n```\n\n", run.experiment.name,
                                command_line(run.experiment, size, runs_folder(size)));
  if (!run.finished()) return out + "Not run.\n";
  if (has_other_options(run)) out += fmt::format("Made by `{}`: ", run.command);
  out += fmt::format("{}{}{}.\n", place, place.empty() ? "" : "; ", made_text(run));
  return out + (run.claims.empty() ? "" : rows(run));
}

}  // namespace

std::string claims_markdown(const std::vector<CollectedRun>& runs) {
  std::string out;
  for (const Paper& paper : papers()) {
    const auto own = runs_of_paper(runs, paper.key);
    if (own.empty()) continue;
    out += fmt::format("{}## {}\n\n{}\n", out.empty() ? "" : "\n", paper.title, paper.reference);
    for (const CollectedRun* run : own)
      out += experiment_markdown(*run, place_in(paper, run->facts));
  }
  return out;
}

std::string with_claims(std::string_view page, std::string_view claims, const std::string& what) {
  constexpr std::string_view begin = "<!-- claims -->\n", end = "<!-- end -->\n";
  const std::size_t from = page.find(begin);
  const std::size_t to = from == std::string_view::npos ? from : page.find(end, from);
  if (to == std::string_view::npos || page.find(begin, from + 1) != std::string_view::npos)
    fail_hint(ErrorCode::format, "markdown",
              "put one line '<!-- claims -->' and behind it one '<!-- end -->' where the table is "
              "to stand",
              "{} has no place for the table of claims", what);
  return fmt::format("{}{}{}", page.substr(0, from + begin.size()), claims, page.substr(to));
}

}  // namespace sonde::experiments
