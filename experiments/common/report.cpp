#include "experiments/common/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "experiments/common/page_parts.hpp"
#include "experiments/common/picture.hpp"
#include "experiments/common/progress.hpp"
#include "experiments/common/svg.hpp"

namespace sonde::experiments {
namespace {

std::string text(std::string_view s) {
  return escape_xml(s);
}

std::string header(const About& about) {
  return fmt::format(
      "<header>\n<h1>{}</h1>\n<p class=\"lead\">{}</p>\n<p class=\"paper\">{}</p>\n</header>\n",
      text(about.name), text(about.measures), text(about.paper));
}

std::string quick_banner(const Json& settings) {
  if (!settings.value("quick", false)) return {};
  return "<p class=\"banner\" role=\"note\"><strong>This is the quick run.</strong> It shows how "
         "the measurement works, on less data and with fewer repetitions than the standard run; "
         "nothing is concluded from it.</p>\n";
}

// The first claim is the study's question: what came of it stands before all figures.
std::string headline(const Results& results) {
  if (results.claims.empty()) return {};
  const Claim& c = results.claims.front();
  return fmt::format("<p class=\"headline\">{} {}{}</p>\n", text(c.statement),
                     verdict_badge(c.verdict),
                     c.reason.empty() ? "" : fmt::format("<small>{}</small>", text(c.reason)));
}

// Claims of the paper, or what must hold exactly.
std::string claims_section(const Results& results, std::string_view heading, bool exact) {
  std::vector<Claim> claims;
  std::ranges::copy_if(results.claims, std::back_inserter(claims),
                       [&](const Claim& c) { return exact != of_a_paper(c.verdict); });
  if (claims.empty()) return {};
  return fmt::format("<section><h2>{}</h2>\n{}</section>\n", heading,
                     claims_table(claims, [](const Claim& c) { return text(c.id); }));
}

std::string headline_numbers(const Results& results) {
  std::string out;
  int count = 0;
  for (const Metric& m : results.metrics) {
    if (m.label.empty()) continue;
    ++count;
    out += fmt::format(
        "<div><dt>{}</dt><dd><strong>{}</strong> <span>{}</span> <span>{}</span></dd></div>\n",
        text(m.label), number_label(m.value.value, 3), text(interval_text(m.value)),
        text(units_text(m.value)));
  }
  if (out.empty()) return out;
  constexpr int most_cards = 6;  // more are a list
  return fmt::format("<section><h2>Numbers</h2>\n<dl class=\"{}\">\n{}</dl></section>\n",
                     count > most_cards ? "card list" : "numbers", out);
}

std::string download(std::string_view name, std::string_view csv) {
  return fmt::format(
      "<a class=\"download\" download=\"{0}.csv\" title=\"{0}.csv\" "
      "href=\"data:text/csv;charset=utf-8;base64,{1}\">CSV</a>",
      text(name), base64(csv));
}

// Numbers are cut to six digits; the CSV has them all.
std::string shown(const std::string& field) {
  double v = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), v);
  if (field.empty() || error != std::errc() || end != field.data() + field.size())
    return text(field);
  return number_label(v, 6);
}

// In a box that scrolls by itself; columns without an entry are left out.
std::string table_html(const Table& table, std::string_view name) {
  std::vector<std::size_t> columns;
  for (std::size_t c = 0; c < table.columns.size(); ++c)
    if (std::ranges::any_of(table.rows, [&](const auto& row) { return !row[c].empty(); }))
      columns.push_back(c);
  std::string out = fmt::format(
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{}\"><table><thead><tr>",
      text(name));
  for (std::size_t c : columns)
    out += fmt::format("<th scope=\"col\">{}</th>", text(table.columns[c]));
  out += "</tr></thead><tbody>\n";
  for (const auto& row : table.rows) {
    out += "<tr>";
    for (std::size_t c : columns) out += fmt::format("<td>{}</td>", shown(row[c]));
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>";
}

std::string folded_table(const Table& table, std::string_view name) {
  return fmt::format("<details><summary>{} rows</summary>{}</details>\n", table.rows.size(),
                     table_html(table, name));
}

std::string figure_html(const CaptionedFigure& f) {
  constexpr std::size_t most_rows = 120;  // longer tables are in the CSV alone
  const Table table = f.figure.table();
  const bool folded = !table.rows.empty() && table.rows.size() <= most_rows;
  return fmt::format("<figure class=\"card\">\n{}<figcaption>{} {}</figcaption>\n{}</figure>\n",
                     f.figure.svg(), text(f.caption), download(f.figure.name(), table.csv()),
                     folded ? folded_table(table, f.figure.title()) : "");
}

std::string figures(const Results& results) {
  if (results.figures.empty()) return {};
  std::string out = "<section><h2>Figures</h2>\n<div class=\"figures\">\n";
  for (const CaptionedFigure& f : results.figures) out += figure_html(f);
  return out + "</div></section>\n";
}

std::string notes(const Results& results) {
  if (results.notes.empty()) return {};
  std::string out = "<section class=\"notes\"><h2>How to read this</h2>\n";
  for (const std::string& note : results.notes) out += "<p>" + text(note) + "</p>\n";
  return out + "</section>\n";
}

std::string measurements(const Table& table) {
  if (table.rows.empty()) return {};
  return fmt::format(
      "<section><h2>All measurements</h2>\n<p>{}</p>\n<div class=\"card\">{}</div>"
      "</section>\n",
      download("results", table.csv()), folded_table(table, "All measurements"));
}

// What gathers runs has no seed of its own, and cannot be made again from its config.json.
bool is_run(const Json& settings) {
  return settings.contains("seed");
}

std::string settings_section(const RunFacts& facts, const Json& settings) {
  std::string out = "<section><h2>Settings</h2>\n<dl class=\"card pairs\">\n" +
                    setting_pairs(settings) + "</dl>\n";
  if (is_run(settings))
    out += "<p>The same run again:</p>\n<div class=\"card\"><pre tabindex=\"0\">" +
           text(facts.experiment + " --config config.json --out again") + "</pre></div>";
  return out + "</section>\n";
}

std::string provenance(const RunFacts& facts, const Json& settings) {
  std::string out = "<section><h2>Where this comes from</h2>\n<dl class=\"card pairs\">\n";
  out += build_pairs(facts);
  out += definition("threads", std::to_string(facts.threads));
  if (is_run(settings)) out += definition("first seed", std::to_string(facts.seed));
  out += definition("wall time", duration_text(facts.wall_s));
  if (is_run(settings))
    out += definition("peak memory of tensors",
                      fmt::format("{:.1f} MiB", static_cast<double>(facts.peak_bytes) / 0x1p20));
  return out + "</dl></section>\n";
}

}  // namespace

std::string report_html(const About& about, const RunFacts& facts, const Json& settings,
                        const Results& results) {
  std::string out = page_begin(about.name);
  out +=
      header(about) + quick_banner(settings) + headline(results) + verdict_badges(results.claims);
  out += figures(results) + claims_section(results, "Claims", false) + headline_numbers(results);
  out += claims_section(results, "What must hold exactly", true) + notes(results);
  out +=
      measurements(results.table) + settings_section(facts, settings) + provenance(facts, settings);
  return out +
         fmt::format(
             "<footer>Written by Sonde {}. Numbers: summary.json, results.csv, log.jsonl."
             "</footer>\n",
             text(facts.version)) +
         page_end();
}

}  // namespace sonde::experiments
