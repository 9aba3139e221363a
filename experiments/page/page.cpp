#include "experiments/page/page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "experiments/common/page_parts.hpp"
#include "experiments/common/progress.hpp"
#include "experiments/common/svg.hpp"
#include "tensor/system.hpp"

namespace sonde::experiments {
namespace {

constexpr std::string_view page_style = R"css(
h3 { font-size: 1.05rem; margin: 30px 0 4px; overflow-wrap: anywhere; }
.made { color: var(--soft); font-size: .92rem; margin: 0 0 8px; max-width: 50em; }
.line { margin: 0 0 12px; }
.figures, details.card { margin-top: 14px; }
.papers { padding: 6px 18px; } .papers p.counts { margin: 6px 0 12px; }
.papers > div { border-bottom: 1px solid var(--line); padding: 10px 0 0; }
.papers > div:last-child { border-bottom: 0; }
.open dt { font-weight: 600; } .open div { padding: 10px 18px; border-bottom: 1px solid var(--line); }
.open div:last-child { border-bottom: 0; } .open { margin: 0; }
.open dd { margin: 0; font-size: .92rem; color: var(--soft); overflow-wrap: anywhere; }
.open pre { padding: 6px 0 0; color: var(--ink); }
@media print { pre { white-space: pre-wrap; overflow-wrap: anywhere; } h3 { break-after: avoid; } }
)css";

std::string text(std::string_view s) {
  return escape_xml(s);
}

// A relative link: a name may hold what an address may not.
std::string link(std::string_view path) {
  std::string out;
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-_./").find(c) != std::string_view::npos;
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::vector<Claim> claims_of(const std::vector<const CollectedRun*>& runs) {
  std::vector<Claim> all;
  for (const CollectedRun* run : runs)
    all.insert(all.end(), run->claims.begin(), run->claims.end());
  return all;
}

std::vector<Claim> claims_of(const std::vector<CollectedRun>& runs) {
  std::vector<const CollectedRun*> all;
  for (const CollectedRun& run : runs) all.push_back(&run);
  return claims_of(all);
}

// Of the list's runs: how many are finished, and how many there are.
std::string finished_text(const std::vector<const CollectedRun*>& runs) {
  return fmt::format("{} of {} experiments finished",
                     std::ranges::count_if(runs, [](const auto* r) { return r->finished(); }),
                     runs.size());
}

std::string header(const std::vector<CollectedRun>& runs, SizeClass size) {
  std::vector<const CollectedRun*> listed;
  for (const CollectedRun& run : runs)
    if (!run.experiment.paper.empty()) listed.push_back(&run);
  const std::vector<Claim> claims = claims_of(runs);
  const auto of_papers =
      std::ranges::count_if(claims, [](const Claim& c) { return of_a_paper(c.verdict); });
  std::string out = fmt::format(
      "<header>\n<h1>What was reproduced</h1>\n<p class=\"lead\">{}: {} claims of papers, {} exact "
      "checks. Each claim carries the criterion that was stated before its run.</p>\n</header>\n",
      finished_text(listed), of_papers, claims.size() - static_cast<std::size_t>(of_papers));
  if (size == SizeClass::quick)
    out +=
        "<p class=\"banner\" role=\"note\"><strong>These are quick runs.</strong> They show how "
        "the measurements work; nothing is concluded from them.</p>\n";
  return out + verdict_badges(claims);
}

// Links to the finished ones.
std::string experiments_html(const std::vector<const CollectedRun*>& runs) {
  std::string out;
  for (const CollectedRun* run : runs)
    if (run->finished())
      out += fmt::format("{}<a href=\"#{}\">{}</a>", out.empty() ? "" : ", ",
                         link(run->experiment.name), text(run->experiment.name));
  return out.empty() ? "" : "<p class=\"made\">" + out + "</p>";
}

std::string papers_section(const std::vector<CollectedRun>& runs) {
  std::string out = "<section><h2>Papers</h2>\n<div class=\"card papers\">\n";
  for (const Paper& paper : papers()) {
    const auto own = runs_of_paper(runs, paper.key);
    if (own.empty()) continue;
    const bool shown = std::ranges::any_of(own, [](const auto* r) { return r->finished(); });
    out += fmt::format(
        "<div>{}: {}{}</div>\n",
        shown ? fmt::format("<a href=\"#{}\">{}</a>", text(paper.key), text(paper.title))
              : text(paper.title),
        finished_text(own), verdict_badges(claims_of(own)), experiments_html(own));
  }
  return out + "</div></section>\n";
}

std::string state_text(const CollectedRun& run) {
  return fmt::format("{}{}{}", to_string(run.state), run.reason.empty() ? "" : ": ", run.reason);
}

std::string command_html(const CollectedRun& run) {
  if (run.command.empty()) return {};
  return fmt::format("<pre tabindex=\"0\">{}</pre>", text(run.command));
}

std::string open_section(const std::vector<CollectedRun>& runs) {
  std::string entries;
  for (const CollectedRun& run : runs)
    if (!run.finished())
      entries += fmt::format("<div><dt>{}</dt><dd>{}{}</dd></div>\n", text(run.experiment.name),
                             text(state_text(run)), command_html(run));
  if (entries.empty()) return {};
  return "<section><h2>Not shown</h2>\n<p class=\"made\">Runs that are not finished, or of another "
         "size than this page's, and the lines that make them.</p>\n<dl class=\"card open\">\n" +
         entries + "</dl></section>\n";
}

// What a picture calls its parts by becomes its run's own: one page holds many.
std::string with_own_names(std::string svg, const std::string& run) {
  const std::string own = link(run) + "-";
  for (const std::string before : {" id=\"", "href=\"#"})
    for (std::size_t at = svg.find(before); at != std::string::npos; at = svg.find(before, at)) {
      at += before.size();
      svg.insert(at, own);
    }
  return svg;
}

std::string figure_html(const CollectedRun& run, const DrawnFigure& f) {
  const std::string file = link(run.experiment.name + "/figures/" + f.name);
  const std::string shown = f.svg.empty() ? fmt::format("<p class=\"made\">{} is not shown: {}</p>",
                                                        text(f.name), text(f.reason))
                                          : with_own_names(f.svg, run.experiment.name);
  return fmt::format(
      "<figure class=\"card\">\n{}<figcaption>{} <a class=\"download\" href=\"{}.csv\">CSV</a>"
      "</figcaption></figure>\n",
      shown, text(f.caption), file);
}

std::string figures_html(const CollectedRun& run) {
  if (run.figures.empty()) return {};
  std::string out = "<div class=\"figures\">\n";
  for (const DrawnFigure& f : run.figures) out += figure_html(run, f);
  return out + "</div>\n";
}

std::string details_html(const CollectedRun& run) {
  const RunFacts& facts = run.facts;
  return "<details class=\"card\"><summary>Settings and build</summary><dl class=\"pairs\">\n" +
         setting_pairs(run.settings) + build_pairs(facts) +
         definition("peak memory of tensors",
                    fmt::format("{:.1f} MiB", static_cast<double>(facts.peak_bytes) / 0x1p20)) +
         "</dl></details>\n";
}

// Below each statement: where it is from, and where all about it is.
std::string source_html(const std::string& source, const CollectedRun& run, const Claim& claim) {
  return fmt::format("{}; {}; <a href=\"{}\">report</a>", text(claim.id), text(source),
                     link(run.experiment.name + "/report.html"));
}

std::string deviation_html(const CollectedRun& run) {
  if (!has_other_options(run)) return {};
  return fmt::format("<p class=\"made\">Its options are not those of the list: {}</p>\n",
                     text(run.listed));
}

std::string run_html(const CollectedRun& run, const std::string& source) {
  std::vector<Claim> claims = run.claims;  // those of the paper first
  std::ranges::stable_partition(claims, [](const Claim& c) { return of_a_paper(c.verdict); });
  std::string out = fmt::format(
      "<article id=\"{}\"><h3>{}</h3>\n<p class=\"made\">{}</p>\n<p class=\"made\">{}. "
      "<a href=\"{}\">Report</a></p>\n<div class=\"card line\">{}</div>\n{}",
      link(run.experiment.name), text(run.experiment.name), text(run.facts.measures),
      text(made_text(run)), link(run.experiment.name + "/report.html"), command_html(run),
      deviation_html(run));
  if (!claims.empty())
    out += claims_table(claims, [&](const Claim& c) { return source_html(source, run, c); });
  return out + figures_html(run) + details_html(run) + "</article>\n";
}

std::string paper_section(const Paper& paper, const std::vector<CollectedRun>& runs) {
  std::string articles;
  for (const CollectedRun* run : runs_of_paper(runs, paper.key))
    if (run->finished()) {
      const std::string place = place_in(paper, run->facts);
      articles += run_html(*run, paper.title + (place.empty() ? "" : ", " + place));
    }
  if (articles.empty()) return {};
  return fmt::format("<section id=\"{}\"><h2>{}</h2>\n<p class=\"paper\">{}</p>\n{}</section>\n",
                     text(paper.key), text(paper.title), text(paper.reference), articles);
}

std::string others_section(const std::vector<CollectedRun>& runs) {
  std::string articles;
  for (const CollectedRun* run : runs_of_paper(runs, ""))
    if (run->finished()) articles += run_html(*run, run->facts.paper);
  return articles.empty() ? "" : "<section><h2>Other runs</h2>\n" + articles + "</section>\n";
}

// The words of a line that decide what a run finds.
std::vector<std::string> decisive_words(const std::string& line) {
  std::vector<std::string> all;
  std::istringstream in(line);
  for (std::string word, skipped; in >> word;) {
    const std::string name = word.substr(0, word.find('='));
    if (name == "--quiet" || name == "--profile") continue;
    if (name == "--out" || name == "--threads" || name == "--data-dir") {
      if (name == word) in >> skipped;
      continue;
    }
    all.push_back(word);
  }
  return all;
}

}  // namespace

std::string place_in(const Paper& paper, const RunFacts& facts) {
  std::string_view said = facts.paper;
  if (!said.starts_with(paper.reference)) return std::string(said);
  said.remove_prefix(paper.reference.size());
  const std::size_t start = said.find_first_not_of(" ,;");
  return std::string(start == std::string_view::npos ? "" : said.substr(start));
}

std::string made_text(const CollectedRun& run) {
  const RunFacts& facts = run.facts;
  const Json seeds = run.settings.value("seeds", Json(1));  // a program of one's own may have none
  const auto last = facts.seed + (seeds.is_number_unsigned() ? seeds.get<std::uint64_t>() : 1) - 1;
  return fmt::format("{}; {} with {} thread{}; Sonde {}",
                     last > facts.seed ? fmt::format("seeds {} to {}", facts.seed, last)
                                       : fmt::format("seed {}", facts.seed),
                     duration_text(facts.wall_s), facts.threads, facts.threads == 1 ? "" : "s",
                     facts.version);
}

bool has_other_options(const CollectedRun& run) {
  return !run.listed.empty() && decisive_words(run.listed) != decisive_words(run.command);
}

std::vector<const CollectedRun*> runs_of_paper(const std::vector<CollectedRun>& runs,
                                               const std::string& key) {
  std::vector<const CollectedRun*> own;
  for (const CollectedRun& run : runs)
    if (run.experiment.paper == key) own.push_back(&run);
  return own;
}

std::string page_html(const std::vector<CollectedRun>& runs, SizeClass size) {
  std::string out = page_begin("What was reproduced", page_style);
  out += header(runs, size) + papers_section(runs) + open_section(runs);
  for (const Paper& paper : papers()) out += paper_section(paper, runs);
  out += others_section(runs);
  return out +
         fmt::format(
             "<footer>Written by Sonde {}. Programs lie in build/release/bin; scripts/reproduce.sh "
             "runs what is not finished.</footer>\n",
             version()) +
         page_end();
}

}  // namespace sonde::experiments
