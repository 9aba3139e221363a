#include "experiments/common/page_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "experiments/common/palette.hpp"
#include "experiments/common/report_style.hpp"
#include "experiments/common/svg.hpp"

namespace sonde::experiments {
namespace {

std::string setting_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_number_float()) return number_label(value.get<double>(), 6);
  if (!value.is_array()) return value.dump();
  std::string out;
  for (const Json& v : value) out += (out.empty() ? "" : ", ") + setting_text(v);
  return out;
}

std::string claim_row(const Claim& c, const std::string& beside) {
  const std::string measured =
      c.value ? fmt::format("{}<small>{}<br/>{}</small>", number_label(c.value->value, 3),
                            escape_xml(interval_text(*c.value)), escape_xml(units_text(*c.value)))
              : "none";
  const std::string reason =
      c.reason.empty() ? "" : fmt::format("<small>{}</small>", escape_xml(c.reason));
  return fmt::format(
      "<tr><td>{}<small>{}</small></td><td data-label=\"Criterion\">{}</td>"
      "<td data-label=\"Measured\">{}</td><td>{}{}</td></tr>\n",
      escape_xml(c.statement), beside, escape_xml(c.criterion), measured, verdict_badge(c.verdict),
      reason);
}

}  // namespace

std::string page_begin(std::string_view title, std::string_view more) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
      "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
      "<title>{}</title>\n<style>{}{}@media screen and (prefers-color-scheme: dark) {{\n{}}}\n"
      "</style>\n</head>\n<body><main>\n",
      escape_xml(title), report_style, more, dark_figure_rules());
}

std::string page_end() {
  return "</main></body></html>\n";
}

bool is_exact(const Estimate& e) {
  return e.std_error == 0.0 && e.ci95 && e.ci95->low == e.ci95->high;
}

std::string interval_text(const Estimate& e) {
  if (is_exact(e)) return "exact";
  if (e.ci95)
    return fmt::format("95 % interval {} to {}", number_label(e.ci95->low, 3),
                       number_label(e.ci95->high, 3));
  if (e.std_error) return fmt::format("standard error {}", number_label(*e.std_error, 2));
  return "no interval";
}

std::string units_text(const Estimate& e) {
  return fmt::format("n = {}{}", e.n, e.m > 1 ? fmt::format(", m = {}", e.m) : "");
}

std::string verdict_badge(Verdict v, std::string_view before) {
  std::string css(to_string(v));
  std::ranges::replace(css, ' ', '-');
  return fmt::format("<span class=\"verdict {}\">{}{}</span>", css, before, to_string(v));
}

std::string verdict_badges(const std::vector<Claim>& claims) {
  std::map<Verdict, int> counts;
  for (const Claim& c : claims) ++counts[c.verdict];
  if (counts.empty()) return {};
  std::string out = "<p class=\"counts\">";
  for (const auto& [verdict, count] : counts)
    out += verdict_badge(verdict, fmt::format("{} ", count)) + "\n";
  return out + "</p>\n";
}

std::string claims_table(const std::vector<Claim>& claims,
                         const std::function<std::string(const Claim&)>& beside) {
  std::string rows;
  for (const Claim& c : claims) rows += claim_row(c, beside(c));
  return "<div class=\"card\"><table class=\"claims\"><thead><tr>"
         "<th scope=\"col\">Statement</th><th scope=\"col\">Criterion</th>"
         "<th scope=\"col\">Measured</th><th scope=\"col\">Verdict</th></tr></thead>\n"
         "<tbody>\n" +
         rows + "</tbody></table></div>";
}

std::string definition(std::string_view name, std::string_view value) {
  return fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", escape_xml(name), escape_xml(value));
}

std::string setting_pairs(const Json& settings) {
  std::string out;
  for (const auto& [name, value] : settings.items())
    if (const std::string shown = setting_text(value); !shown.empty() && value != false)
      out += definition(name, shown);
  return out;
}

std::string build_pairs(const RunFacts& facts) {
  std::string out = definition("version of Sonde", facts.version);
  for (const auto& [name, version] : facts.versions)
    if (name != "Sonde") out += definition(name, version);
  out += definition("processor", facts.cpu) + definition("SIMD level", facts.simd);
  const std::string device =
      facts.device == "cpu" ? facts.device : fmt::format("{}, {}", facts.device, facts.device_name);
  return out + definition("BLAS core", facts.blas_core) + definition("device", device);
}

}  // namespace sonde::experiments
