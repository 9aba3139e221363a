#include "experiments/common/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>

#include "experiments/common/palette.hpp"
#include "experiments/common/progress.hpp"
#include "experiments/common/report_style.hpp"
#include "experiments/common/svg.hpp"

namespace sonde::experiments {
namespace {

std::string text(std::string_view s) {
  return escape_xml(s);
}

std::string interval_text(const Estimate& e) {
  if (e.std_error == 0.0 && e.ci95 && e.ci95->low == e.ci95->high) return "exact";
  if (e.ci95)
    return fmt::format("95 % interval {} to {}", number_label(e.ci95->low, 3),
                       number_label(e.ci95->high, 3));
  if (e.std_error) return fmt::format("standard error {}", number_label(*e.std_error, 2));
  return "no interval";
}

std::string units_text(const Estimate& e) {
  return fmt::format("n = {}{}", e.n, e.m > 1 ? fmt::format(", m = {}", e.m) : "");
}

std::string header(const About& about) {
  return fmt::format(
      "<header>\n<h1>{}</h1>\n<p class=\"lead\">{}</p>\n<p class=\"paper\">{}</p>\n</header>\n",
      text(about.name), text(about.measures), text(about.paper));
}

std::string quick_banner(const Json& settings) {
  if (!settings.value("quick", false)) return {};
  return "<p class=\"banner\" role=\"note\"><strong>This is the quick run.</strong> It shows how "
         "the "
         "measurement works, on less data and with fewer repetitions than the standard run; "
         "nothing "
         "is concluded from it.</p>\n";
}

std::string verdict_badge(Verdict v, std::string_view before = "") {
  std::string css(to_string(v));
  std::ranges::replace(css, ' ', '-');
  return fmt::format("<span class=\"verdict {}\">{}{}</span>", css, before, to_string(v));
}

// How many claims have which verdict.
std::string verdict_counts(const Results& results) {
  std::map<Verdict, int> counts;
  for (const Claim& c : results.claims) ++counts[c.verdict];
  if (counts.empty()) return {};
  std::string out = "<p class=\"counts\">";
  for (const auto& [verdict, count] : counts)
    out += verdict_badge(verdict, fmt::format("{} ", count)) + "\n";
  return out + "</p>\n";
}

// The first claim is the study's question: what came of it stands before all figures.
std::string headline(const Results& results) {
  if (results.claims.empty()) return {};
  const Claim& c = results.claims.front();
  return fmt::format("<p class=\"headline\">{} {}{}</p>\n", text(c.statement),
                     verdict_badge(c.verdict),
                     c.reason.empty() ? "" : fmt::format("<small>{}</small>", text(c.reason)));
}

std::string claim_row(const Claim& c) {
  const std::string measured =
      c.value ? fmt::format("{}<small>{}<br/>{}</small>", number_label(c.value->value, 3),
                            text(interval_text(*c.value)), text(units_text(*c.value)))
              : "none";
  const std::string reason =
      c.reason.empty() ? "" : fmt::format("<small>{}</small>", text(c.reason));
  return fmt::format(
      "<tr><td>{}<small>{}</small></td><td data-label=\"Criterion\">{}</td>"
      "<td data-label=\"Measured\">{}</td><td>{}{}</td></tr>\n",
      text(c.statement), text(c.id), text(c.criterion), measured, verdict_badge(c.verdict), reason);
}

// Claims of the paper, or what must hold exactly.
std::string claims_section(const Results& results, std::string_view heading, bool exact) {
  std::string rows;
  for (const Claim& c : results.claims)
    if (exact == (c.verdict == Verdict::pass || c.verdict == Verdict::fail)) rows += claim_row(c);
  if (rows.empty()) return {};
  return fmt::format(
      "<section><h2>{}</h2>\n<div class=\"card\"><table class=\"claims\"><thead><tr>"
      "<th scope=\"col\">Statement</th><th scope=\"col\">Criterion</th>"
      "<th scope=\"col\">Measured</th><th scope=\"col\">Verdict</th></tr></thead>\n"
      "<tbody>\n{}</tbody></table></div></section>\n",
      heading, rows);
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

std::string pair(std::string_view name, std::string_view value) {
  return fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", text(name), text(value));
}

std::string setting_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_number_float()) return number_label(value.get<double>(), 6);
  if (!value.is_array()) return value.dump();
  std::string out;
  for (const Json& v : value) out += (out.empty() ? "" : ", ") + setting_text(v);
  return out;
}

std::string settings_section(const RunFacts& facts, const Json& settings) {
  std::string out = "<section><h2>Settings</h2>\n<dl class=\"card pairs\">\n";
  for (const auto& [name, value] : settings.items())
    if (value != "" && value != false) out += pair(name, setting_text(value));
  return out + "</dl>\n<p>The same run again:</p>\n<div class=\"card\"><pre tabindex=\"0\">" +
         text(facts.experiment + " --config config.json --out again") + "</pre></div></section>\n";
}

std::string provenance(const RunFacts& facts) {
  std::string out = "<section><h2>Where this comes from</h2>\n<dl class=\"card pairs\">\n";
  out += pair("version of Sonde", facts.version);
  for (const auto& [name, version] : facts.versions)
    if (name != "Sonde") out += pair(name, version);
  out += pair("processor", facts.cpu) + pair("SIMD level", facts.simd);
  out += pair("BLAS core", facts.blas_core) + pair("device", facts.device);
  out += pair("threads", std::to_string(facts.threads));
  out += pair("first seed", std::to_string(facts.seed));
  out += pair("wall time", duration_text(facts.wall_s));
  out += pair("peak memory of tensors",
              fmt::format("{:.1f} MiB", static_cast<double>(facts.peak_bytes) / 0x1p20));
  return out + "</dl></section>\n";
}

}  // namespace

std::string report_html(const About& about, const RunFacts& facts, const Json& settings,
                        const Results& results) {
  std::string out = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\n";
  out += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n";
  out += "<meta name=\"color-scheme\" content=\"light dark\"/>\n";
  out += fmt::format(
      "<title>{}</title>\n<style>{}@media screen and (prefers-color-scheme: dark) {{\n{}}}\n"
      "</style>\n</head>\n<body><main>\n",
      text(about.name), report_style, dark_figure_rules());
  out += header(about) + quick_banner(settings) + headline(results) + verdict_counts(results);
  out += figures(results) + claims_section(results, "Claims", false) + headline_numbers(results);
  out += claims_section(results, "What must hold exactly", true) + notes(results);
  out += measurements(results.table) + settings_section(facts, settings) + provenance(facts);
  return out + fmt::format(
                   "<footer>Written by Sonde {}. Numbers: summary.json, results.csv, "
                   "log.jsonl.</footer>\n"
                   "</main></body></html>\n",
                   text(facts.version));
}

}  // namespace sonde::experiments
