#include "experiments/common/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

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

std::string headline_numbers(const Results& results) {
  std::string out;
  for (const Metric& m : results.metrics) {
    if (m.label.empty()) continue;
    out += fmt::format(
        "<div class=\"card\"><div class=\"label\">{}</div><div class=\"value\">{}</div>"
        "<div class=\"error\">{}<br/>{}</div></div>\n",
        text(m.label), number_label(m.value.value, 3), text(interval_text(m.value)),
        text(units_text(m.value)));
  }
  return out.empty() ? out : "<section class=\"numbers\">\n" + out + "</section>\n";
}

std::string verdict_badge(Verdict v) {
  std::string css(to_string(v));
  std::replace(css.begin(), css.end(), ' ', '-');
  return fmt::format("<span class=\"verdict {}\">{}</span>", css, to_string(v));
}

std::string claims_table(const Results& results) {
  if (results.claims.empty()) return {};
  std::string rows;
  for (const Claim& c : results.claims) {
    const std::string measured =
        c.value ? fmt::format("{}<small>{}<br/>{}</small>", number_label(c.value->value, 3),
                              text(interval_text(*c.value)), text(units_text(*c.value)))
                : "none";
    const std::string reason =
        c.reason.empty() ? "" : fmt::format("<small>{}</small>", text(c.reason));
    rows += fmt::format(
        "<tr><td>{}<small>{}</small></td><td data-label=\"Criterion\">{}</td>"
        "<td data-label=\"Measured\">{}</td><td>{}{}</td></tr>\n",
        text(c.statement), text(c.id), text(c.criterion), measured, verdict_badge(c.verdict),
        reason);
  }
  return "<section><h2>Claims</h2>\n<div class=\"card\"><table "
         "class=\"claims\"><thead><tr><th>Statement</th>"
         "<th>Criterion</th><th>Measured</th><th>Verdict</th></tr></thead>\n<tbody>\n" +
         rows + "</tbody></table></div></section>\n";
}

std::string download(std::string_view name, std::string_view csv) {
  return fmt::format(
      "<a class=\"download\" download=\"{}.csv\" href=\"data:text/csv;base64,{}\">CSV</a>",
      text(name), base64(csv));
}

std::string figures(const Results& results) {
  if (results.figures.empty()) return {};
  std::string out = "<section><h2>Figures</h2>\n<div class=\"figures\">\n";
  for (const auto& [figure, caption] : results.figures)
    out += fmt::format("<figure class=\"card\">\n{}<figcaption>{} {}</figcaption>\n</figure>\n",
                       figure.svg(), text(caption), download(figure.name(), figure.csv()));
  return out + "</div></section>\n";
}

std::string notes(const Results& results) {
  if (results.notes.empty()) return {};
  std::string out = "<section class=\"notes\"><h2>How to read this</h2>\n";
  for (const std::string& note : results.notes) out += "<p>" + text(note) + "</p>\n";
  return out + "</section>\n";
}

std::string table_row(const std::vector<std::string>& fields, std::string_view cell) {
  std::string out = "<tr>";
  for (const std::string& field : fields) out += fmt::format("<{0}>{1}</{0}>", cell, text(field));
  return out + "</tr>\n";
}

std::string results_table(const Table& table) {
  if (table.rows.empty()) return {};
  std::string out = fmt::format(
      "<section><h2>All measurements ({})</h2>\n<div class=\"card\"><details><summary>{} "
      "rows</summary>"
      "<div class=\"scroll\"><table><thead>",
      download("results", table.csv()), table.rows.size());
  out += table_row(table.columns, "th") + "</thead><tbody>\n";
  for (const auto& row : table.rows) out += table_row(row, "td");
  return out + "</tbody></table></div></details></div></section>\n";
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
  std::string out = "<section><h2>Settings and machine</h2>\n<dl class=\"card pairs\">\n";
  for (const auto& [name, value] : settings.items())
    if (value != "" && value != false) out += pair(name, setting_text(value));
  out += pair("version", facts.version) + pair("BLAS core", facts.blas_core);
  out += pair("wall time", duration_text(facts.wall_s));
  out += pair("peak memory of tensors",
              fmt::format("{:.1f} MiB", static_cast<double>(facts.peak_bytes) / 0x1p20));
  out += "</dl>\n<p>The same run again:</p>\n<div class=\"card\"><pre>";
  return out + text(facts.experiment + " --config config.json --out again") +
         "</pre></div></section>\n";
}

}  // namespace

std::string base64(std::string_view bytes) {
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::string_view three = bytes.substr(i, 3);
    std::uint32_t word = 0;
    for (std::size_t k = 0; k < 3; ++k)
      word = word << 8 | (k < three.size() ? static_cast<unsigned char>(three[k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k)
      out += k <= three.size() ? alphabet[word >> (18 - 6 * k) & 63u] : '=';
  }
  return out;
}

std::string report_html(const About& about, const RunFacts& facts, const Json& settings,
                        const Results& results) {
  std::string out = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\n";
  out += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n";
  out += fmt::format("<title>{}</title>\n<style>{}</style>\n</head>\n<body><main>\n",
                     text(about.name), report_style);
  out += header(about) + headline_numbers(results) + claims_table(results) + figures(results) +
         notes(results);
  out += results_table(results.table) + settings_section(facts, settings);
  return out + fmt::format(
                   "<footer>Written by Sonde {}. Numbers: summary.json, results.csv, "
                   "log.jsonl.</footer>\n"
                   "</main></body></html>\n",
                   text(facts.version));
}

}  // namespace sonde::experiments
